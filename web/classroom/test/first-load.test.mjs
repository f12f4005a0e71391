// How much script a browser must fetch before it shows the page: what `vite build` makes of it now.

import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';

/** The promise of the first load, for a phone on a weak line. */
const BUDGET_KB = 250;

/** @typedef {import('vite').Rolldown.OutputChunk} Chunk */

describe('the first load', () => {
  /** @type {Map<string, Chunk>} */
  let chunks;
  /** @type {string} */
  let html;

  beforeAll(async () => {
    const root = new URL('..', import.meta.url).pathname;
    const built = await build({ root, logLevel: 'silent', build: { write: false } });
    const { output } = Array.isArray(built) ? built[0] : built;
    const of = (/** @type {string} */ type) => output.filter((part) => part.type === type);
    chunks = new Map(of('chunk').map((chunk) => [chunk.fileName, chunk]));
    html = String(of('asset').find(({ fileName }) => fileName === 'index.html').source);
  }, 60_000);

  /** Everything that the HTML names and that those files import before they run. */
  function firstScripts() {
    const found = new Set();
    const add = (/** @type {string} */ name) => {
      if (found.has(name)) return;
      found.add(name);
      chunks.get(name).imports.forEach(add);
    };
    for (const [, name] of html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)) add(name);
    return [...found].map((name) => chunks.get(name).code);
  }

  it(`is at most ${BUDGET_KB} kB of compressed script`, () => {
    const scripts = firstScripts();
    expect(scripts.length).toBeGreaterThan(0);
    const sizes = { gzip: gzipSync, brotli: brotliCompressSync };
    for (const [name, compress] of Object.entries(sizes)) {
      const bytes = scripts.reduce((sum, code) => sum + compress(code).length, 0);
      console.log(`first load, ${name}: ${(bytes / 1000).toFixed(1)} kB in ${scripts.length} scripts`);
      expect(bytes).toBeLessThanOrEqual(BUDGET_KB * 1000);
    }
  });

  it('comes from the page itself only', () => {
    for (const [, address] of html.matchAll(/(?:src|href)="([^"]+)"/g)) expect(address).toMatch(/^\/(?!\/)/);
  });
});
