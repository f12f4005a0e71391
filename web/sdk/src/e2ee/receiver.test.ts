import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ANNA, BEN, bytes, ring } from '../../test/e2ee/frames';
import type { Owner } from './format';
import { FAILING_MS, FAILURES, Legibility } from './legibility';
import { Opener } from './opener';
import { VideoReceiver, type Outcome } from './receiver';
import { Sealer } from './sealer';
import { PATIENCE_MS } from './slot-gate';

const INTERFRAME = bytes(0x31, 4, 0, 1, 2, 3);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const sealers = { anna: new Sealer(ring()), ben: new Sealer(ring()) };

async function frameOf(owner: Owner): Promise<Uint8Array<ArrayBuffer>> {
  const sealer = owner === ANNA ? sealers.anna : sealers.ben;
  return (await sealer.seal(INTERFRAME, 'vp8', owner)) ?? bytes();
}

function aSlot(shows: Owner | null): VideoReceiver {
  const receiver = new VideoReceiver(new Opener(ring()), () => Date.now());
  receiver.shows(shows);
  return receiver;
}

/** Without another tick of the clock: what still waits never comes, and the test with it. */
async function soFar(outcome: Promise<Outcome>): Promise<string> {
  const settled = await outcome;
  return 'frame' in settled ? settled.who.participant : settled.refused;
}

describe('a slot', () => {
  it('opens the frames of whom it shows', async () => {
    expect(await soFar(aSlot(ANNA).open(await frameOf(ANNA)))).toBe('anna');
  });

  it('never shows somebody under the name of another', async () => {
    const slot = aSlot(ANNA);
    const outcome = slot.open(await frameOf(BEN));
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    expect(await soFar(outcome)).toBe('nobody_expected');
  });

  it('keeps a frame that comes before the message that says whose it is', async () => {
    for (const before of [null, ANNA]) {
      const slot = aSlot(before);
      await vi.advanceTimersByTimeAsync(10_000);
      const outcome = slot.open(await frameOf(BEN));
      await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1);
      slot.shows(BEN);
      expect(await soFar(outcome)).toBe('ben');
    }
  });

  it('waits for a stranger once, not for each frame', async () => {
    const slot = aSlot(ANNA);
    const first = slot.open(await frameOf(BEN));
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    await first;
    expect(await soFar(slot.open(await frameOf(BEN)))).toBe('nobody_expected');
  });

  it('does not wait for who was shown before', async () => {
    const slot = aSlot(ANNA);
    slot.shows(BEN);
    expect(await soFar(slot.open(await frameOf(ANNA)))).toBe('nobody_expected');
  });

  it('waits for who was shown before and comes back', async () => {
    const slot = aSlot(ANNA);
    slot.shows(BEN);
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    const outcome = slot.open(await frameOf(ANNA));
    slot.shows(ANNA);
    expect(await soFar(outcome)).toBe('anna');
  });

  it('refuses what is in the clear, and says whose slot it was', async () => {
    const outcome = await aSlot(ANNA).open(INTERFRAME);
    expect(outcome).toEqual({ refused: 'not_sealed', who: ANNA });
  });
});

describe('a person is illegible', () => {
  it('when many frames failed for a while, and legible again with the first that opens', () => {
    const people = new Legibility();
    for (let failure = 0; failure < FAILURES * 3; failure += 1) expect(people.failed('anna', 0)).toBeUndefined();
    expect(people.failed('anna', FAILING_MS)).toBe(false);
    expect(people.failed('anna', FAILING_MS + 1)).toBeUndefined();
    expect(people.opened('ben')).toBeUndefined();
    expect(people.opened('anna')).toBe(true);
    expect(people.opened('anna')).toBeUndefined();
  });

  it('not for a few failures, nor for many with frames between that open', () => {
    const people = new Legibility();
    for (let failure = 1; failure < FAILURES; failure += 1) {
      expect(people.failed('anna', failure * FAILING_MS)).toBeUndefined();
    }
    people.opened('anna');
    expect(people.failed('anna', 100 * FAILING_MS)).toBeUndefined();
  });

  it('only while in the room', () => {
    const people = new Legibility();
    for (let failure = 1; failure < FAILURES; failure += 1) people.failed('anna', 0);
    people.keep(new Set(['ben']));
    expect(people.failed('anna', FAILING_MS)).toBeUndefined();
  });
});
