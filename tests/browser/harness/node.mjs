// One node for one test file: started with its own configuration on free ports, stopped by SIGTERM.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { servePage } from './page-folder.mjs';
import { PATIENCE_MS } from './poll.mjs';

const ROOT = resolve(import.meta.dirname, '../../..');
const LOG_TAIL_LINES = 60;
/** A built page to test in place of the one inside the binary. */
const PAGE_FOLDER = process.env.FIRSTBELL_PAGE;

/** A program of ours; others than the node lie beside it. @returns {string} */
export function binary(name = 'firstbell') {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
  const node = process.env.FIRSTBELL_BIN;
  const candidates = [
    node && join(dirname(node), name === 'firstbell' ? basename(node) : name),
    join(target, 'release', name),
    join(target, 'debug', name),
  ];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  assert.ok(found, `no ${name} binary: run \`make build\`, or set FIRSTBELL_BIN`);
  return found;
}

/**
 * @typedef {object} NodeSettings
 * @property {boolean} [dev] the page hands out tokens itself; default true
 * @property {Record<string, number>} [limits]
 * @property {Record<string, number>} [signaling]
 * @property {{ base_port?: number, announce?: string[] }} [media]
 */

/** A running node. */
export class FirstbellNode {
  /** Signs tokens as the school's platform does. */
  secret = randomBytes(32).toString('hex');
  /** `http://localhost:PORT`, where people go */
  origin = '';
  /** The node's own, which differs where a page of another folder stands in front. */
  #nodeOrigin = '';
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  /** @type {string[]} */
  #log = [];
  #folder = '';
  /** @type {{ origin: string, close: () => void } | undefined} */
  #page;

  /** @type {NodeSettings} */
  #settings;

  /** @param {NodeSettings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  /** @param {NodeSettings} [settings] */
  static async start(settings = {}) {
    const node = new FirstbellNode(settings);
    await node.#start('0');
    return node;
  }

  /** Stops, as for an update, and starts again under the same address. */
  async restart() {
    await this.#end();
    await this.#start(new URL(this.#nodeOrigin).port);
  }

  /** @param {string} port `0`: any free one */
  async #start(port) {
    this.#folder = await mkdtemp(join(tmpdir(), 'firstbell-browser-'));
    const file = join(this.#folder, 'firstbell.toml');
    await writeFile(file, this.#config(port, this.#settings));
    const child = spawn(binary(), ['serve', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const origin = new Promise((found, failed) => {
      const timer = setTimeout(() => failed(new Error('the node never said its address')), PATIENCE_MS);
      const read = (/** @type {Buffer} */ bytes) => {
        for (const line of bytes.toString().split('\n').filter(Boolean)) {
          this.#log.push(line);
          if (this.#log.length > LOG_TAIL_LINES) this.#log.shift();
          const match = /Firstbell serves (\S+)/.exec(line);
          if (match) {
            clearTimeout(timer);
            found(match[1]);
          }
        }
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => {
        clearTimeout(timer);
        failed(new Error(`the node ended with ${code}`));
      });
    });
    try {
      this.#nodeOrigin = await origin;
    } catch (error) {
      throw new Error(`${error.message}\n${this.logTail()}`);
    }
    if (PAGE_FOLDER !== undefined) this.#page ??= await servePage(resolve(PAGE_FOLDER), this.#nodeOrigin);
    this.origin = this.#page?.origin ?? this.#nodeOrigin;
  }

  /** @param {string} port @param {NodeSettings} settings */
  #config(port, { dev = true, limits = {}, signaling = {}, media = {} }) {
    const table = (/** @type {Record<string, number>} */ keys) =>
      Object.entries(keys).map(([key, value]) => `${key} = ${value}`);
    return [
      '[http]',
      `listen = "127.0.0.1:${port}"`,
      '[media]',
      'shards = 1',
      'pin_threads = false',
      `base_port = ${media.base_port ?? 0}`,
      `announce = ${JSON.stringify(media.announce ?? [])}`,
      '[dev]',
      `enabled = ${dev}`,
      '[[tokens.keys]]',
      'id = "browser-tests"',
      `secret = "${this.secret}"`,
      '[limits]',
      ...table(limits),
      '[signaling]',
      ...table({ drain_seconds: 1, ...signaling }),
      '',
    ].join('\n');
  }

  /**
   * A join token. Claims left out get good values.
   *
   * @param {Record<string, unknown>} claims
   * @param {string} [secret] another one: a forged token
   */
  token(claims, secret = this.secret) {
    const encode = (/** @type {object} */ part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const body = `${encode({ alg: 'HS256', typ: 'JWT', kid: 'browser-tests' })}.${encode({
      sub: randomBytes(8).toString('hex'),
      name: 'Anna',
      role: 'pupil',
      exp: now + 3600,
      ...claims,
    })}`;
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
  }

  /** @param {string} room @param {string} [token] */
  url(room, token) {
    const path = `${this.origin}/r/${encodeURIComponent(room)}`;
    return token === undefined ? path : `${path}#token=${token}`;
  }

  /** One sample of `/metrics`, summed over its labels. @param {string} name */
  async metric(name) {
    const text = await (await fetch(`${this.origin}/metrics`)).text();
    const samples = text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
    assert.ok(samples.length > 0, `no metric ${name}`);
    return samples.reduce((sum, value) => sum + value, 0);
  }

  logTail() {
    return this.#log.join('\n');
  }

  /** Ends the node as an operator does, and asserts that it went well. */
  async stop() {
    this.#page?.close();
    this.#page = undefined;
    await this.#end();
  }

  async #end() {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const code = await new Promise((ended) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        ended(child.exitCode ?? child.signalCode);
        return;
      }
      const hard = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      child.once('exit', (exit, signal) => {
        clearTimeout(hard);
        ended(exit ?? signal);
      });
      child.kill('SIGTERM');
    });
    await rm(this.#folder, { recursive: true, force: true });
    assert.equal(code, 0, `the node did not end well (${code}):\n${this.logTail()}`);
    assert.doesNotMatch(this.logTail(), /panicked/, 'the node panicked');
  }
}
