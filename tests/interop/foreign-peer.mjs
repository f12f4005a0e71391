// An aiortc peer in a process of its own: started, listened to, ended.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PATIENCE_MS, until } from '../browser/harness/poll.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const LOG_TAIL_LINES = 40;
/** Frames that count as "goes on": more than a single late packet could make. */
const FRAMES_THAT_FLOW = 15;
/** Changed pixels of a 64x36 sample between two reports that count as a moving picture. */
const MOVING_PIXELS = 4;
const COLOUR_TOLERANCE = 60;
/** Root mean square of 16-bit samples: far above what a codec makes of silence. */
const LOUD = 3_000;
/** One step of the spectrum. */
const TONE_TOLERANCE_HERTZ = 50;
/** A square-wave beep that two frames share has at least this much of its energy at its pitch. */
const TONAL_SHARE = 0.3;

function python() {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
  const path = process.env.FIRSTBELL_INTEROP_PYTHON ?? join(target, 'interop-venv/bin/python');
  assert.ok(existsSync(path), `no ${path}: tests/interop/run.sh makes it`);
  return path;
}

export class ForeignPeer {
  name;
  /** Its participant id. */
  id = '';
  /** The last report. */
  senses = { cameras: {}, microphones: {} };
  /** @type {string[]} */
  #log = [];
  #process;
  #ended;

  /** @param {string} name @param {string[]} args */
  constructor(name, args) {
    this.name = name;
    const script = join(import.meta.dirname, 'foreign_peer.py');
    this.#process = spawn(python(), ['-B', script, ...args], { stdio: 'pipe' });
    this.#ended = new Promise((ended) => {
      // After `close` all output has been read as well.
      this.#process.once('close', (code, signal) => ended(code ?? signal));
      this.#process.once('error', ended);
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#take(line));
    createInterface({ input: this.#process.stderr }).on('line', (line) => {
      this.#log.push(line);
      if (this.#log.length > LOG_TAIL_LINES) this.#log.shift();
    });
    // It may be gone before it is told to go.
    this.#process.stdin.on('error', () => {});
  }

  /**
   * In the room, connected; otherwise already stopped.
   *
   * @param {import('../browser/harness/node.mjs').FirstbellNode} node
   * @param {{ room: string, name: string, hertz: number }} wish
   */
  static async join(node, { room, name, hertz }) {
    const token = node.token({ room, name });
    const options = { origin: node.origin, room, token, name, hertz };
    const peer = new ForeignPeer(
      name,
      Object.entries(options).map(([key, value]) => `--${key}=${value}`),
    );
    try {
      await until(`${name} has joined`, () => peer.id !== '' || !peer.#isAlive());
      assert.notEqual(peer.id, '', `${name} ended instead of joining`);
    } catch (error) {
      await peer.#end();
      throw new Error(`${error.message}\n${peer.#log.join('\n')}`);
    }
    return peer;
  }

  #isAlive() {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** @param {string} line */
  #take(line) {
    const { event, ...message } = JSON.parse(line);
    if (event === 'joined') this.id = message.participant;
    if (event === 'senses') this.senses = message;
  }

  /** Decodes a moving picture of this background. @param {string} participant @param {number[]} colour */
  async sees(participant, colour) {
    const who = `${this.name} sees the moving picture of ${participant}`;
    const look = () => {
      const now = this.senses.cameras[participant];
      return now && isColour(now.colour, colour) ? now : this.#seen();
    };
    const first = await until(who, () => look() ?? false);
    await until(who, () => {
      const now = look();
      return now.frames >= first.frames + FRAMES_THAT_FLOW && now.changedPixels >= MOVING_PIXELS;
    });
  }

  /** Decodes a loud tone of this frequency. @param {string} participant @param {number} hertz */
  async hears(participant, hertz) {
    await until(`${this.name} hears ${hertz} Hz of ${participant}`, () => {
      const now = this.senses.microphones[participant];
      const fits =
        now?.level > LOUD &&
        now.share > TONAL_SHARE &&
        Math.abs(now.hertz - hertz) <= TONE_TOLERANCE_HERTZ;
      return fits || this.#seen();
    });
  }

  /** Fails the look, with what there was instead. @returns {never} */
  #seen() {
    const log = this.#log.length > 0 ? `\n${this.#log.join('\n')}` : '';
    throw new Error(`${JSON.stringify(this.senses)}${log}`);
  }

  /** Leaves as a person does, and asserts that it went well. */
  async stop() {
    assert.equal(await this.#end(), 0, `${this.name} did not end well:\n${this.#log.join('\n')}`);
  }

  /** @returns {Promise<unknown>} exit code, signal or error */
  async #end() {
    const hard = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE_MS);
    this.#process.stdin.end();
    const code = await this.#ended;
    clearTimeout(hard);
    return code;
  }
}

/** @param {number[]} have @param {number[]} want */
export const isColour = (have, want) =>
  have.every((channel, at) => Math.abs(channel - want[at]) <= COLOUR_TOLERANCE);
