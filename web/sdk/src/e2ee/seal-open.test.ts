import { afterEach, describe, expect, it, vi } from 'vitest';

import { ANNA, BEN, bytes, FRAMES, join, noise, ring } from '../../test/e2ee/frames';
import { watchIvs } from '../../test/e2ee/watch-ivs';
import { TAG_BYTES, TRAILER_BYTES, type Layout } from './format';
import { Opener, type Opened } from './opener';
import { REPLAY_WINDOW } from './replay-window';
import { Sealer } from './sealer';

afterEach(() => vi.restoreAllMocks());

const VOICE = FRAMES[4]?.frame ?? bytes();

async function sealed(
  frame: Uint8Array<ArrayBuffer>,
  layout: Layout,
  sealer = new Sealer(ring()),
): Promise<Uint8Array<ArrayBuffer>> {
  const out = await sealer.seal(frame, layout, ANNA);
  if (out === undefined) throw new Error('not sealed');
  return out;
}

/** One character for each byte. */
const text = (data: Uint8Array): string => String.fromCharCode(...data);

const reasonOf = (opened: Opened): string => ('refused' in opened ? opened.refused : 'opened');

describe.each(FRAMES)('a $what', ({ layout, frame, front }) => {
  const clear = front.length;

  it('comes out as it went in', async () => {
    const opened = await new Opener(ring()).open(await sealed(frame, layout), ANNA);
    expect(opened).toEqual({ frame });
  });

  it('keeps its front readable, and nothing else', async () => {
    const out = await sealed(frame, layout);
    expect(out.subarray(0, clear)).toEqual(front);
    const behind = text(out.subarray(clear));
    for (let at = layout === 'opus' ? 0 : clear; at + 8 <= frame.length; at += 1) {
      const piece = frame.subarray(at, at + 8);
      if (piece.every((byte) => byte === 0)) continue;
      expect(behind).not.toContain(text(piece));
    }
  });

  it('is opened by no other key, and under no other name', async () => {
    const out = await sealed(frame, layout);
    expect(reasonOf(await new Opener(ring(2)).open(out, ANNA))).toBe('not_authentic');
    const opener = new Opener(ring());
    expect(reasonOf(await opener.open(out, BEN))).toBe('not_authentic');
    expect(reasonOf(await opener.open(out, { ...ANNA, source: 'screen' }))).toBe('not_authentic');
    expect(reasonOf(await opener.open(out, ANNA))).toBe('opened');
  });

  it('is not opened with a single bit changed', async () => {
    const out = await sealed(frame, layout);
    // Of H.264 what stands before the slice is not vouched for: receivers rewrite it.
    const from = layout === 'h264' ? clear - 3 : 0;
    for (let at = from; at < out.length; at += 1) {
      const changed = Uint8Array.from(out);
      changed[at] = (out[at] ?? 0) ^ (1 << (at % 8));
      const opened = await new Opener(ring()).open(changed, ANNA);
      expect('refused' in opened, `byte ${at} of ${out.length}`).toBe(true);
    }
  });

  it('is not opened when it is cut short', async () => {
    const out = await sealed(frame, layout);
    for (let length = 0; length < out.length; length += 7) {
      const opened = await new Opener(ring()).open(out.slice(0, length), ANNA);
      expect('refused' in opened, `${length} of ${out.length} bytes`).toBe(true);
    }
  });
});

describe('sealing', () => {
  it('costs thirty bytes a frame, and two more for Opus', async () => {
    const { frame } = FRAMES[0] ?? { frame: bytes() };
    expect((await sealed(frame, 'vp8')).length - frame.length).toBe(TAG_BYTES + TRAILER_BYTES);
    expect((await sealed(VOICE, 'opus')).length - VOICE.length).toBe(TAG_BYTES + TRAILER_BYTES + 2);
  });

  it('takes no frame that is none', async () => {
    const sealer = new Sealer(ring());
    expect(await sealer.seal(bytes(), 'vp8', ANNA)).toBeUndefined();
    expect(await sealer.seal(bytes(0, 0, 0, 1, 0x67, 1, 2), 'h264', ANNA)).toBeUndefined();
  });
});

describe('an IV', () => {
  const both = { participant: 'the same id for both', source: 'camera' };

  it('is never used twice under one key: frames, owners, page loads, generations', async () => {
    const used = watchIvs();
    const shared = ring();
    const sealers = [new Sealer(shared), new Sealer(shared), new Sealer(ring())];
    for (let round = 0; round < 60; round += 1) {
      // As a node would have it that gives one id to several people, and back and forth.
      const owner = round % 20 < 15 ? both : ANNA;
      await Promise.all(sealers.map((sealer) => sealer.seal(VOICE, 'opus', owner)));
      if (round % 25 === 24) shared.ratchet();
    }
    expect(used).toHaveLength(180);
    expect(new Set(used).size).toBe(180);
    expect(used.every((pair) => /^[0-9a-f]{64} [0-9a-f]{24}$/.test(pair))).toBe(true);
  });

  it('would be, if two salts were alike: the watch above sees it', async () => {
    const used = watchIvs();
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => array);
    for (const sealer of [new Sealer(ring()), new Sealer(ring())]) await sealer.seal(VOICE, 'opus', both);
    expect(new Set(used).size).toBe(1);
  });

  it('is not used again when the counter is at its end', async () => {
    const used = watchIvs();
    const sealer = new Sealer(ring(), 3);
    const opener = new Opener(ring());
    for (let frame = 0; frame < 10; frame += 1) {
      const opened = await opener.open(await sealed(VOICE, 'opus', sealer), ANNA);
      expect(reasonOf(opened)).toBe('opened');
    }
    expect(new Set(used).size).toBe(10);
    expect(new Set(used.map((pair) => pair.split(' ')[0])).size).toBe(3);
  });

  it('is not used again by frames sealed at the same time', async () => {
    const used = watchIvs();
    const sealer = new Sealer(ring());
    await Promise.all(Array.from({ length: 20 }, () => sealer.seal(VOICE, 'opus', ANNA)));
    expect(new Set(used).size).toBe(20);
  });
});

describe('a frame that comes again', () => {
  it('is refused, at once and within the window', async () => {
    const [sealer, opener] = [new Sealer(ring()), new Opener(ring())];
    const first = await sealed(VOICE, 'opus', sealer);
    expect(reasonOf(await opener.open(first, ANNA))).toBe('opened');
    expect(reasonOf(await opener.open(first, ANNA))).toBe('replayed');
    for (let frame = 0; frame < 20; frame += 1) await opener.open(await sealed(VOICE, 'opus', sealer), ANNA);
    expect(reasonOf(await opener.open(first, ANNA))).toBe('replayed');
  });

  it('is refused when both copies are opened at the same time', async () => {
    const opener = new Opener(ring());
    const frame = await sealed(VOICE, 'opus');
    const reasons = await Promise.all([opener.open(frame, ANNA), opener.open(frame, ANNA)]);
    expect(reasons.map(reasonOf).sort()).toEqual(['opened', 'replayed']);
  });

  it('is refused when it is older than the window', async () => {
    const [sealer, opener] = [new Sealer(ring()), new Opener(ring())];
    const late = await sealed(VOICE, 'opus', sealer);
    for (let frame = 0; frame < REPLAY_WINDOW - 1; frame += 1) await sealer.seal(VOICE, 'opus', ANNA);
    await opener.open(await sealed(VOICE, 'opus', sealer), ANNA);
    expect(reasonOf(await opener.open(late, ANNA))).toBe('replayed');
  });

  it('does not close the window for others: order does not matter', async () => {
    const [sealer, opener] = [new Sealer(ring()), new Opener(ring())];
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (let frame = 0; frame < 40; frame += 1) frames.push(await sealed(VOICE, 'opus', sealer));
    for (const frame of frames.reverse()) {
      expect(reasonOf(await opener.open(frame, ANNA))).toBe('opened');
    }
  });

  it('cannot be made to look new by a forged counter', async () => {
    const [sealer, opener] = [new Sealer(ring()), new Opener(ring())];
    const frame = await sealed(VOICE, 'opus', sealer);
    const forged = Uint8Array.from(frame);
    forged.set([0xff, 0xff, 0xff, 0xff], forged.length - TRAILER_BYTES);
    expect(reasonOf(await opener.open(forged, ANNA))).toBe('not_authentic');
    expect(reasonOf(await opener.open(frame, ANNA))).toBe('opened');
  });
});

describe('what is not sealed', () => {
  it('is refused, whatever it is', async () => {
    const opener = new Opener(ring());
    for (const { frame } of FRAMES) expect('refused' in (await opener.open(frame, ANNA))).toBe(true);
    expect(reasonOf(await opener.open(bytes(), ANNA))).toBe('not_sealed');
    for (let length = 0; length < 64; length += 1) {
      for (const end of [0x10, 0x11, 0x12]) {
        const frame = join(noise(length, length), bytes(end));
        expect('refused' in (await opener.open(frame, ANNA)), `${length}`).toBe(true);
      }
    }
  });
});
