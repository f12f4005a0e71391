import { describe, expect, it } from 'vitest';

import { ANNA, bytes, FRAMES, join, noise, ring } from '../../test/e2ee/frames';
import { clearUnits, escape, unescape } from './h264';
import { Opener } from './opener';
import { Sealer } from './sealer';

/** Where units start. */
function starts(frame: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + 2 < frame.length; at += 1) {
    if (frame[at] === 0 && frame[at + 1] === 0 && frame[at + 2] === 1) found.push(at);
  }
  return found;
}

describe('escaped bytes', () => {
  it('come back, and look like no unit, whatever they are', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const [raw, before] = [noise(seed, seed), noise(seed % 4, seed + 7)];
      const escaped = escape(raw, before);
      expect(unescape(escaped, before), `seed ${seed}`).toEqual(raw);
      const whole = join(bytes(9), escaped);
      expect(starts(whole), `seed ${seed}`).toEqual([]);
      for (let at = 0; at + 2 < escaped.length; at += 1) {
        const isForbidden = escaped[at] === 0 && escaped[at + 1] === 0 && (escaped[at + 2] ?? 9) < 3;
        expect(isForbidden, `seed ${seed}`).toBe(false);
      }
    }
  });

  it('are those of zeros at the worst', () => {
    const zeros = new Uint8Array(1_001);
    expect(unescape(escape(zeros, bytes(0, 0)), bytes(0, 0))).toEqual(zeros);
  });
});

describe('what stays in the clear', () => {
  it('goes to the first slice and two bytes into it', () => {
    const frame = bytes(0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x65, 0x88, 0x84, 0x21, 0xa0);
    expect(clearUnits(frame)).toEqual({ length: 12, authenticated: bytes(0x65, 0x88, 0x84) });
    expect(clearUnits(frame.subarray(0, 10))).toEqual({ length: 10, authenticated: bytes(0x65) });
  });

  it('is nothing without a slice', () => {
    for (const frame of [bytes(), bytes(0, 0, 1), bytes(0, 0, 1, 0x67, 1, 2), bytes(0x65, 0x88)]) {
      expect(clearUnits(frame)).toBeUndefined();
    }
  });
});

describe('a sealed frame', () => {
  const { frame } = FRAMES[2] ?? { frame: bytes() };

  it('has no units but those it had', async () => {
    for (let round = 0; round < 40; round += 1) {
      const out = await new Sealer(ring()).seal(frame, 'h264', ANNA);
      expect(starts(out ?? bytes())).toEqual([1, 9, 17]);
    }
  });

  it('survives start codes of another length, and parameter sets that come and go', async () => {
    const out = (await new Sealer(ring()).seal(frame, 'h264', ANNA)) ?? bytes();
    const slice = out.subarray(17);
    const shorter = join(bytes(0, 0, 1, 0x67, 0x42, 0xc0, 0x1e), slice);
    for (const changed of [shorter, Uint8Array.from(slice), join(bytes(0), slice)]) {
      const opened = await new Opener(ring()).open(changed, ANNA);
      expect('frame' in opened).toBe(true);
    }
  });
});
