import { describe, expect, it } from 'vitest';

import { keyFromPassphrase, keyText, newKey, parseKey } from './keys';

describe('a key as text', () => {
  it('is random, short enough for a link, and reads back', () => {
    const [one, other] = [newKey(), newKey()];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(parseKey(one)?.bytes).toHaveLength(32);
    expect(parseKey(one)?.generation).toBe(0);
  });

  it('carries its generation', () => {
    const key = { bytes: new Uint8Array(32).fill(251), generation: 17 };
    expect(keyText(key)).toMatch(/\.17$/);
    expect(parseKey(keyText(key))).toEqual(key);
  });

  it('is nothing else', () => {
    const key = newKey();
    for (const text of ['', 'x', key.slice(1), `${key}x`, `${key}.`, `${key}.256`, `${key}.-1`, `${key} `]) {
      expect(parseKey(text), text).toBeUndefined();
    }
  });
});

describe('a passphrase', () => {
  it('is one key for all who type it in one room', async () => {
    const key = await keyFromPassphrase('Grüne Tafel', 'math-7b');
    expect(parseKey(key)).toBeDefined();
    // The same letters, composed in another way, and with a space too many.
    expect(await keyFromPassphrase(' Gru\u0308ne Tafel ', 'math-7b')).toBe(key);
  });

  it('is another key with another word or in another room', async () => {
    const keys = await Promise.all([
      keyFromPassphrase('Grüne Tafel', 'math-7b'),
      keyFromPassphrase('grüne Tafel', 'math-7b'),
      keyFromPassphrase('Grüne Tafel', 'math-7c'),
    ]);
    expect(new Set(keys).size).toBe(3);
  });
});
