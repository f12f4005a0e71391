// Measures in what batches a real browser's picture leaves the node: one Chromium publishes 1280x720,
// the load tester's clients listen. Not a test: prints the figures of docs/performance.md.
//   node batches.mjs [listeners] [seconds]
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { launchChromium, newPerson } from './harness/chromium.mjs';
import { writeMovingPicture } from './harness/moving-picture.mjs';
import { FirstbellNode, binary } from './harness/node.mjs';
import { sleep, until } from './harness/poll.mjs';

const LISTENERS = Number(process.argv[2] ?? 10);
const SECONDS = Number(process.argv[3] ?? 20);
const PICTURE = { width: 1280, height: 720 };
/** The listeners come in, and Chromium's encoder and bandwidth estimate settle. */
const SETTLE_MS = 20_000;
/** Chromium begins small and lets the picture grow with its estimate. */
const FULL_SIZE_MS = 120_000;
/** The node brings its metrics up to date once a second. */
const METRICS_MS = 1_500;

/** In the page, before its own script: a large camera at a large camera's rate. */
function publishLarge() {
  const media = navigator.mediaDevices;
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = (constraints) =>
    open(
      constraints.video
        ? {
            ...constraints,
            video: { width: { exact: 1280 }, height: { exact: 720 }, frameRate: { ideal: 30 } },
          }
        : constraints,
    );
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function addTransceiver(kind, init) {
    const sendEncodings = init?.sendEncodings?.map((encoding) => ({
      ...encoding,
      maxBitrate: Math.max(encoding.maxBitrate ?? 0, 2_500_000),
      maxFramerate: 30,
    }));
    const isVideo = (typeof kind === 'string' ? kind : kind.kind) === 'video';
    return add.call(this, kind, isVideo && sendEncodings ? { ...init, sendEncodings } : init);
  };
}

/** In the page: what it has sent so far. */
async function sent() {
  const sum = {};
  for (const { peer } of globalThis.__instruments.connections) {
    for (const stat of (await peer.getStats()).values()) {
      // A sender without a picture may send padding, to probe the line.
      const isUsed = stat.kind === 'audio' ? stat.packetsSent > 0 : stat.framesEncoded > 0;
      if (stat.type !== 'outbound-rtp' || !isUsed) continue;
      const { kind, packetsSent, bytesSent, framesEncoded, frameWidth, frameHeight } = stat;
      sum[kind] = { packetsSent, bytesSent, framesEncoded, frameWidth, frameHeight };
      sum[kind].limited = stat.qualityLimitationReason;
    }
  }
  return sum;
}

/** Samples of one metric by one of its labels. @param {string} text @param {string} name @param {string} label */
function samples(text, name, label) {
  const counts = new Map();
  const line = new RegExp(`^${name}\\{.*${label}="([^"]+)".*\\} (\\d+)$`, 'gm');
  for (const [, key, value] of text.matchAll(line)) {
    counts.set(key, (counts.get(key) ?? 0) + Number(value));
  }
  return counts;
}

/** @param {FirstbellNode} node */
async function counters(node) {
  const text = await (await fetch(`${node.origin}/metrics`)).text();
  return {
    messages: samples(text, 'firstbell_net_sent_messages_total', 'datagrams'),
    datagrams: samples(text, 'firstbell_net_sent_datagrams_total', 'datagrams'),
    received: samples(text, 'firstbell_net_received_messages_total', 'datagrams'),
    outcomes: samples(text, 'firstbell_shard_rtp_packets_total', 'outcome'),
  };
}

/** @param {Map<string, number>} after @param {Map<string, number>} before */
const grown = (after, before) =>
  new Map([...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)]));
/** @param {Map<string, number>} counts */
const total = (counts) => [...counts.values()].reduce((sum, value) => sum + value, 0);
/** @param {number} part @param {number} whole */
const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;

function listen(origin, seconds) {
  const tester = spawn(
    join(dirname(binary()), 'firstbell-loadtest'),
    ['join', '--server', origin, '--room-prefix', 'batch', '--participants', LISTENERS,
      '--listen-only', '--seconds', seconds, '--json'].map(String),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  tester.stdout.on('data', (bytes) => (output += bytes));
  return new Promise((resolve) => tester.once('exit', () => resolve(JSON.parse(output))));
}

/** @param {import('playwright-core').Browser} browser @param {boolean} withVoice */
async function measure(browser, withVoice) {
  const node = await FirstbellNode.start();
  try {
    const teacher = await newPerson(browser, 'Tom Teacher');
    await teacher.page.addInitScript(publishLarge);
    await teacher.join(node.origin, { room: 'batch-0', role: 'teacher' });
    if (!withVoice) await teacher.click('microphone-button');
    await until('a picture of full size', async () => {
      const { video } = await teacher.page.evaluate(sent);
      return video?.frameWidth === PICTURE.width && video?.frameHeight === PICTURE.height;
    }, FULL_SIZE_MS);
    const heard = listen(node.origin, Math.ceil((SETTLE_MS + METRICS_MS) / 1000) + SECONDS + 2);
    await sleep(SETTLE_MS);
    const [before, began] = [await counters(node), await teacher.page.evaluate(sent)];
    await sleep(SECONDS * 1000);
    const [after, ended] = [await counters(node), await teacher.page.evaluate(sent)];
    report(withVoice, { before, after, began, ended, heard: await heard });
  } finally {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await node.stop();
  }
}

function report(withVoice, { before, after, began, ended, heard }) {
  const video = {};
  for (const key of ['packetsSent', 'bytesSent', 'framesEncoded']) {
    video[key] = ended.video[key] - began.video[key];
  }
  const voices = (ended.audio?.packetsSent ?? 0) - (began.audio?.packetsSent ?? 0);
  console.log(`\n${LISTENERS} listeners, ${SECONDS} s, microphone ${withVoice ? 'on' : 'off'}`);
  console.log(
    `Chromium: ${ended.video.frameWidth}x${ended.video.frameHeight}, ` +
      `${(video.framesEncoded / SECONDS).toFixed(1)} frames/s, ` +
      `${((video.bytesSent * 8) / SECONDS / 1000).toFixed(0)} kbit/s, ` +
      `${(video.packetsSent / video.framesEncoded).toFixed(2)} packets a frame, ` +
      `${voices} voice packets, limited by ${ended.video.limited}`,
  );
  console.log(
    `listeners: ${heard.joins} joined, ${heard.video_verified} pieces of video, ` +
      `${heard.slot_switches} switches, ${heard.lost} packets lost, ${heard.corrupted} corrupted`,
  );
  const messages = grown(after.messages, before.messages);
  const datagrams = grown(after.datagrams, before.datagrams);
  console.log('datagrams a message | messages | datagrams | share of datagrams');
  const shortestFirst = [...messages].sort(([a], [b]) => parseInt(a, 10) - parseInt(b, 10));
  for (const [length, count] of shortestFirst) {
    const carried = datagrams.get(length) ?? 0;
    console.log(`${length} | ${count} | ${carried} | ${percent(carried, total(datagrams))}`);
  }
  const together = total(datagrams) - (datagrams.get('1') ?? 0);
  const forwarded = grown(after.outcomes, before.outcomes).get('forwarded') ?? 0;
  // The page's counters and the node's are not read at the same moment: the share holds.
  const ofVideo = forwarded * (video.packetsSent / (video.packetsSent + voices));
  console.log(
    `in messages of two or more: ${percent(together, total(datagrams))} of all datagrams, ` +
      `${percent(together, ofVideo)} of video if no voice shared one`,
  );
  const frames = (ofVideo * video.framesEncoded) / video.packetsSent;
  console.log(`messages a frame and listener: ${((total(messages) - voices * LISTENERS) / frames).toFixed(2)}`);
  const received = grown(after.received, before.received);
  console.log(`outcomes: ${JSON.stringify(Object.fromEntries(grown(after.outcomes, before.outcomes)))}`);
  console.log(`messages received by datagrams: ${JSON.stringify(Object.fromEntries(received))}`);
}

const folder = await mkdtemp(join(tmpdir(), 'firstbell-batches-'));
try {
  const file = join(folder, 'camera.y4m');
  await writeMovingPicture(file);
  const browser = await launchChromium({ flags: [`--use-file-for-fake-video-capture=${file}`] });
  try {
    for (const withVoice of [false, true]) await measure(browser, withVoice);
  } finally {
    await browser.close();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
