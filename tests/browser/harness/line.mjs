// An emulated line in front of a node: the load tester's UDP hop, driven by its standard input.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { binary } from './node.mjs';
import { PATIENCE_MS } from './poll.mjs';

/** An address browsers on this machine send to without asking: not loopback, if there is another. */
function ownAddress() {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = addresses.find((address) => address.family === 'IPv4' && !address.internal);
  return outside?.address ?? '127.0.0.1';
}

/** @param {string} address @returns {Promise<number>} */
function freePort(address) {
  return new Promise((found, failed) => {
    const socket = createSocket('udp4');
    socket.once('error', failed);
    socket.bind(0, address, () => {
      const { port } = socket.address();
      socket.close(() => found(port));
    });
  });
}

/**
 * @typedef {object} Direction
 * @property {number} packets
 * @property {number} arrived_kbps
 * @property {number} dropped
 * @property {number} lost
 * @property {number} queue_ms_p95
 */

export class EmulatedLine {
  /** @type {import('node:child_process').ChildProcessWithoutNullStreams} */
  #process;
  /** @type {AsyncIterator<string>} */
  #lines;

  /** @param {string} address @param {number} port @param {number} nodePort @param {string[]} options */
  constructor(address, port, nodePort, options) {
    /** What the node is told in its `[media]` section. */
    this.media = { base_port: nodePort, announce: [`${address}:${port}`] };
    const args = ['link', '--listen', `${address}:${port}`, '--to', `${address}:${nodePort}`, '--json'];
    this.#process = spawn(binary('firstbell-loadtest'), [...args, ...options], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** A line by name, such as `variable-capacity`; the node is to be started with `media`. @param {string} profile */
  static async start(profile) {
    const address = ownAddress();
    const [port, nodePort] = [await freePort(address), await freePort(address)];
    return new EmulatedLine(address, port, nodePort, ['--profile', profile]);
  }

  /** `restart`, `profile NAME`, `down KBIT_PER_S`, `rebind`, `spare`. @param {string} command */
  say(command) {
    this.#process.stdin.write(`${command}\n`);
  }

  /** What went through so far. @returns {Promise<{ clients: number, rebindings: number, down: Direction, up: Direction }>} */
  async stats() {
    this.say('stats');
    const { value } = await this.#lines.next();
    assert.ok(value, 'the emulated line has ended');
    return JSON.parse(value);
  }

  async stop() {
    const ended = new Promise((done) => this.#process.once('exit', done));
    const hard = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE_MS);
    this.say('quit');
    assert.equal(await ended, 0, 'the emulated line did not end well');
    clearTimeout(hard);
  }
}
