// How long a real browser's Opus packets are, how often the voices of a class are equally long, and
// what filling them up would save: a model of one listener's packets in turns of a given length.
// Not a test: prints the figures of docs/performance.md.
//   node voices.mjs speech.wav [seconds]
// without a file: the browser's own test tone.
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';

import { launchChromium } from './harness/chromium.mjs';
import { FirstbellNode } from './harness/node.mjs';
import { sleep } from './harness/poll.mjs';

const [file, seconds = '60'] = process.argv.slice(2);
const STEPS = [1, 8, 16, 32];
const VOICES = 3;
const DRAWS = 200_000;
/** What a packet has around its payload: headers with extensions, tag, UDP and IP. */
const HEADERS = 20 + 16;
const AROUND = HEADERS + 28;
const TURNS_MS = [0.5, 1, 2, 5, 10];
const MODEL_SECONDS = 120;

/** In the page: encodes the microphone as the SDK does, and notes every packet's length. */
async function encode(durationMs) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  const sender = new RTCPeerConnection({ encodedInsertableStreams: true });
  const receiver = new RTCPeerConnection();
  sender.onicecandidate = ({ candidate }) => receiver.addIceCandidate(candidate);
  receiver.onicecandidate = ({ candidate }) => sender.addIceCandidate(candidate);
  const transceiver = sender.addTransceiver(stream.getAudioTracks()[0], {
    direction: 'sendonly',
    sendEncodings: [{ maxBitrate: 40_000 }],
  });
  const lengths = [];
  const { readable, writable } = transceiver.sender.createEncodedStreams();
  const note = new TransformStream({
    transform(frame, out) {
      lengths.push(frame.data.byteLength);
      out.enqueue(frame);
    },
  });
  readable.pipeThrough(note).pipeTo(writable);
  await sender.setLocalDescription(await sender.createOffer());
  await receiver.setRemoteDescription(sender.localDescription);
  await receiver.setLocalDescription(await receiver.createAnswer());
  await sender.setRemoteDescription(receiver.localDescription);
  await new Promise((done) => setTimeout(done, durationMs));
  return lengths;
}

const node = await FirstbellNode.start();
const flags = file ? [`--use-file-for-fake-audio-capture=${resolve(file)}`] : [];
const browser = await launchChromium({ flags });
try {
  const page = await browser.newPage();
  await page.goto(`${node.origin}/`);
  await sleep(1000);
  const lengths = (await page.evaluate(encode, Number(seconds) * 1000)).slice(50);
  report(lengths);
} finally {
  await browser.close();
  await node.stop();
}

/** Up to whole steps. @param {number} length @param {number} step */
function fill(length, step) {
  return Math.ceil(length / step) * step;
}

/** @param {number[]} lengths */
function report(lengths) {
  const sorted = [...lengths].sort((a, b) => a - b);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const at = (/** @type {number} */ share) => sorted[Math.floor(share * (sorted.length - 1))];
  console.log(
    `${lengths.length} packets: mean ${mean.toFixed(1)} bytes, ` +
      `${[0, 0.1, 0.25, 0.5, 0.75, 0.9, 1].map(at).join(' ')} at 0, 10, 25, 50, 75, 90, 100 %`,
  );
  console.log(`\n${VOICES} voices in one turn`);
  console.log('step | filling, bytes | of the packet | all equal | messages');
  for (const step of STEPS) {
    const filled = lengths.map((length) => fill(length, step));
    const filling = filled.reduce((sum, length) => sum + length, 0) / lengths.length - mean;
    let [equal, count] = [0, 0];
    for (let draw = 0; draw < DRAWS; draw += 1) {
      const drawn = Array.from({ length: VOICES }, () => filled[randomInt(filled.length)]);
      count += messages(drawn);
      equal += Number(drawn.every((length) => length === drawn[0]));
    }
    console.log(
      [step, filling.toFixed(1), `${((100 * filling) / (mean + AROUND)).toFixed(1)} %`,
        `${((100 * equal) / DRAWS).toFixed(0)} %`, (count / DRAWS).toFixed(2)].join(' | '),
    );
  }
  console.log('\na class (teacher, eight thumbnails, three voices): messages a packet, by turn');
  console.log(`turn | ${STEPS.map((step) => `step ${step}`).join(' | ')} | voices apart | voices close runs`);
  for (const turnMs of TURNS_MS) {
    const model = STEPS.map((step) => modelClass(lengths, turnMs / 1000, step));
    const rows = [...model.map(({ asTheyCome }) => asTheyCome), model[0].apart, model[0].closing];
    console.log([`${turnMs} ms`, ...rows.map((share) => share.toFixed(3))].join(' | '));
  }
}

/** Messages for packets in this order: equally long ones share one, and so does a shorter one after. */
function messages(lengths) {
  return runs(lengths).length;
}

/** The same as runs; each still takes a shorter one, or does not. @param {number[]} lengths */
function runs(lengths) {
  const all = [];
  let last;
  for (const length of lengths) {
    if (last?.open && length <= last.segment) {
      last.open = length === last.segment;
    } else {
      last = { open: true, segment: length };
      all.push(last);
    }
  }
  return all;
}

/**
 * One listener's packets over `MODEL_SECONDS`, cut into turns; messages for each packet when they
 * leave as they come, with the voices in runs of their own, longest first, and with a voice at the
 * end of each run of video that takes one.
 *
 * @param {number[]} voice lengths @param {number} turn seconds @param {number} step
 */
function modelClass(voice, turn, step) {
  const turns = new Map();
  let packets = 0;
  const stream = (interval, isVoice, frame) => {
    for (let at = Math.random() * interval; at < MODEL_SECONDS; at += interval * (0.9 + 0.2 * Math.random())) {
      const key = Math.floor(at / turn);
      for (const length of frame()) {
        if (!turns.has(key)) turns.set(key, []);
        turns.get(key).push({ at, isVoice, length });
        packets += 1;
      }
    }
  };
  const equal = (count, length) => Array.from({ length: count }, () => fill(length, 16) + HEADERS);
  stream(1 / 30, false, () => equal(5, 900 + randomInt(200)));
  for (let thumbnail = 0; thumbnail < 8; thumbnail += 1) {
    const usual = 350 + randomInt(550);
    stream(1 / 15, false, () => equal(2, usual + randomInt(160)));
  }
  for (let speaker = 0; speaker < VOICES; speaker += 1) {
    stream(1 / 50, true, () => [fill(voice[randomInt(voice.length)], step) + HEADERS]);
  }
  const sum = { asTheyCome: 0, apart: 0, closing: 0 };
  for (const content of turns.values()) {
    content.sort((a, b) => a.at - b.at);
    const lengths = (/** @type {typeof content} */ some) => some.map(({ length }) => length);
    const voices = lengths(content.filter(({ isVoice }) => isVoice)).sort((a, b) => b - a);
    const video = runs(lengths(content.filter(({ isVoice }) => !isVoice)));
    const takers = video.filter(({ open }) => open).length;
    sum.asTheyCome += messages(lengths(content));
    sum.apart += video.length + messages(voices);
    sum.closing += video.length + messages(voices.slice(takers));
  }
  return Object.fromEntries(Object.entries(sum).map(([key, count]) => [key, count / packets]));
}
