import { describe, expect, it } from 'vitest';

import { ANNA, bytes, noise, ring } from '../../test/e2ee/frames';
import { MAX_GENERATION } from './format';
import { frameIv, KeyRing } from './key-ring';
import { Opener } from './opener';
import { Sealer } from './sealer';

const VOICE = bytes(0x78, 1, 2, 3);

async function opens(frame: Uint8Array<ArrayBuffer> | undefined, by: KeyRing): Promise<boolean | string> {
  if (frame === undefined) return 'not sealed';
  const opened = await new Opener(by).open(frame, ANNA);
  return 'frame' in opened ? true : opened.refused;
}

describe('a ratcheted key', () => {
  it('is found by a newcomer who has the first one only', async () => {
    const old = ring();
    for (let step = 0; step < 5; step += 1) expect(old.ratchet()).toBe(true);
    const frame = await new Sealer(old).seal(VOICE, 'opus', ANNA);
    expect(await opens(frame, ring())).toBe(true);
  });

  it('is then what the newcomer seals with, so that all have one', async () => {
    const [old, newcomer] = [ring(), ring()];
    old.ratchet();
    await opens(await new Sealer(old).seal(VOICE, 'opus', ANNA), newcomer);
    expect(newcomer.current).toBe(1);
  });

  it('does not lead back', async () => {
    const before = await new Sealer(ring()).seal(VOICE, 'opus', ANNA);
    expect(await opens(before, ring(7, 3))).toBe('unknown_generation');
  });

  it('is another one', async () => {
    const old = ring();
    old.ratchet();
    const [first, second] = await Promise.all(
      [0, 1].map(async (generation) => {
        const key = await old.stream(generation, bytes(1, 2, 3, 4, 5, 6), ANNA);
        return key?.iv.join();
      }),
    );
    expect(first).not.toBe(second);
  });

  it('ends with the last generation', () => {
    const last = ring(1, MAX_GENERATION);
    expect(last.ratchet()).toBe(false);
    expect(last.current).toBe(MAX_GENERATION);
  });
});

describe('another key', () => {
  it('is used at once, and the former one read until it retires', async () => {
    const [anna, ben] = [ring(), ring()];
    const before = await new Sealer(anna).seal(VOICE, 'opus', ANNA);
    for (const one of [anna, ben]) one.use(noise(32, 9), 1);
    expect(await opens(await new Sealer(anna).seal(VOICE, 'opus', ANNA), ben)).toBe(true);
    expect(await opens(before, ben)).toBe(true);
    ben.retire();
    expect(await opens(before, ben)).toBe('unknown_generation');
    expect(await opens(await new Sealer(anna).seal(VOICE, 'opus', ANNA), ben)).toBe(true);
  });

  it('shuts out who has only the former one', async () => {
    const [anna, outside] = [ring(), ring()];
    anna.use(noise(32, 9), 1);
    expect(await opens(await new Sealer(anna).seal(VOICE, 'opus', ANNA), outside)).toBe('not_authentic');
  });

  it('of the same generation replaces the one that was wrong, and all that followed from it', async () => {
    const wrong = ring(2);
    wrong.ratchet();
    await wrong.stream(1, bytes(1, 2, 3, 4, 5, 6), ANNA);
    wrong.use(noise(32, 1), 0);
    const right = ring(1);
    right.ratchet();
    expect(await opens(await new Sealer(right).seal(VOICE, 'opus', ANNA), wrong)).toBe(true);
  });
});

it('nothing is sealed without a key', async () => {
  expect(await new Sealer(new KeyRing()).seal(VOICE, 'opus', ANNA)).toBeUndefined();
});

describe('the IV of a frame', () => {
  it('differs for every counter, and takes the whole of it', () => {
    const iv = noise(12);
    const counters = [0, 1, 255, 256, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    const ivs = counters.map((counter) => frameIv(iv, counter).join());
    expect(new Set(ivs).size).toBe(counters.length);
    expect(frameIv(iv, 0)).toEqual(iv);
  });
});
