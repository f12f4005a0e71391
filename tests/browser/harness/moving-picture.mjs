// A camera's picture as a file that Chromium plays instead of its own test picture: textured, with
// things that move and the noise of a sensor, so that an encoder has a camera's work with it.

import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

const WIDTH = 1280;
const HEIGHT = 720;
const FRAMES_PER_SECOND = 30;
/** All movement ends where it began: Chromium plays the file in a loop. */
const FRAMES = 60;
/** Grey levels of a sensor's noise, either way. */
const NOISE = 3;
const NOISE_LENGTH = 1 << 20;
const BALLS = [
  { radius: 150, luma: 200, x: 640, y: 360, swing: 380, turns: 1 },
  { radius: 90, luma: 60, x: 300, y: 420, swing: 160, turns: 2 },
  { radius: 60, luma: 235, x: 980, y: 300, swing: 120, turns: 3 },
];

/** Small, fast, the same every time. @param {number} seed */
function dice(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function background() {
  const random = dice(7);
  const luma = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const wave = Math.sin(x / 37) * Math.cos(y / 23) + Math.sin((x + 2 * y) / 91);
      luma[y * WIDTH + x] = 120 + 30 * wave + 16 * random();
    }
  }
  return luma;
}

function noise() {
  const random = dice(11);
  return Int8Array.from({ length: NOISE_LENGTH }, () => Math.round((random() * 2 - 1) * NOISE));
}

/** @param {Uint8Array} frame luma, drawn over @param {number} phase 0 to 1 @param {typeof BALLS[0]} ball */
function drawBall(frame, phase, { radius, luma, x, y, swing, turns }) {
  const angle = 2 * Math.PI * phase * turns;
  const [left, top] = [x + swing * Math.cos(angle), y + swing * 0.5 * Math.sin(angle)].map(Math.round);
  for (let dy = -radius; dy <= radius; dy += 1) {
    const half = Math.floor(Math.sqrt(radius * radius - dy * dy));
    const row = top + dy;
    if (row < 0 || row >= HEIGHT) continue;
    const [from, to] = [Math.max(0, left - half), Math.min(WIDTH, left + half)];
    for (let at = from; at < to; at += 1) frame[row * WIDTH + at] = luma - ((at - left + dy) >> 3);
  }
}

/** Writes the picture as YUV4MPEG2. @param {string} file */
export async function writeMovingPicture(file) {
  const [still, grain] = [background(), noise()];
  const chroma = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const out = createWriteStream(file);
  out.write(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`);
  for (let number = 0; number < FRAMES; number += 1) {
    const luma = Uint8Array.from(still);
    for (const ball of BALLS) drawBall(luma, number / FRAMES, ball);
    const shift = number * 7919;
    for (let at = 0; at < luma.length; at += 1) luma[at] += grain[(at + shift) % NOISE_LENGTH];
    out.write('FRAME\n');
    out.write(luma);
    if (!out.write(chroma)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}
