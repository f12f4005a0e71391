// Measures in what batches a real browser's picture leaves the node: one Chromium publishes, the
// load tester's clients subscribe. Not a test: prints the figures of docs/performance.md.
//   node batches.mjs [subscribers] [seconds]
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

import { launchChromium, newPerson } from './harness/chromium.mjs';
import { FirstbellNode, binary } from './harness/node.mjs';

const SUBSCRIBERS = Number(process.argv[2] ?? 10);
const SECONDS = Number(process.argv[3] ?? 15);
const NAME = 'firstbell_net_sent_messages_total';

/** Messages sent so far, by how many datagrams they carried. @param {FirstbellNode} node */
async function messages(node) {
  const text = await (await fetch(`${node.origin}/metrics`)).text();
  const counts = new Map();
  for (const line of text.split('\n')) {
    const match = new RegExp(`^${NAME}\\{.*datagrams="([^"]+)".*\\} (\\d+)`).exec(line);
    if (match) counts.set(match[1], (counts.get(match[1]) ?? 0) + Number(match[2]));
  }
  return counts;
}

const node = await FirstbellNode.start();
const browser = await launchChromium();
try {
  const teacher = await newPerson(browser, 'Tom Teacher');
  await teacher.join(node.origin, { room: 'batch-0', role: 'teacher' });
  const tester = spawn(
    join(dirname(binary()), 'firstbell-loadtest'),
    ['join', '--server', node.origin, '--room-prefix', 'batch', '--participants', SUBSCRIBERS,
      '--video-publishers', 0, '--seconds', SECONDS + 10, '--json'].map(String),
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => tester.once('exit', resolve));
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const before = await messages(node);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  const after = await messages(node);
  console.log(`${SUBSCRIBERS} subscribers, ${SECONDS} s`);
  for (const [datagrams, count] of after) {
    console.log(`${datagrams.padStart(5)} datagrams: ${count - (before.get(datagrams) ?? 0)} messages`);
  }
  tester.kill();
  await ended;
} finally {
  await browser.close();
  await node.stop();
}
