import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { person } from '../test/people';
import type { Request, Tile } from './protocol';
import { rosterOf } from './roster';
import { tileHeight, Wishes } from './wishes';

type Wants = Extract<Request, { type: 'wants' }>;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function made() {
  const told: Wants[] = [];
  return { wishes: new Wishes((wants) => told.push(wants)), told };
}

const heights = (wants: Wants | undefined): Record<string, number> =>
  Object.fromEntries(
    (wants?.tiles ?? []).map(({ participant, source, height }: Tile) => [
      `${participant} ${source}`,
      height,
    ]),
  );

describe('the height that is told', () => {
  it('is the smallest one that need be stretched only a little', () => {
    const cases = [
      [1, 90],
      [112, 90],
      [113, 180],
      [180, 180],
      [225, 180],
      [226, 270],
      [450, 360],
      [720, 720],
      [901, 1080],
      [9_999, 2160],
    ] as const;
    for (const [pixels, height] of cases) expect(tileHeight(pixels), `${pixels}`).toBe(height);
  });

  it('is nothing for what has no height', () => {
    for (const pixels of [0, -5, NaN]) expect(tileHeight(pixels)).toBe(0);
  });

  it('never falls when a picture grows', () => {
    let last = 0;
    for (let pixels = 0; pixels < 3_000; pixels += 7) {
      expect(tileHeight(pixels)).toBeGreaterThanOrEqual(last);
      last = tileHeight(pixels);
    }
  });
});

describe('tiles', () => {
  it('that change together are told together', () => {
    const { wishes, told } = made();
    wishes.show('anna', 'camera', 180);
    wishes.show('ben', 'camera', 0);
    wishes.show('anna', 'screen', 700);
    vi.advanceTimersByTime(49);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toHaveLength(1);
    expect(heights(told[0])).toEqual({ 'anna camera': 180, 'ben camera': 0, 'anna screen': 720 });
  });

  it('that change all the time are told twice a second, and in the end as they are', () => {
    const { wishes, told } = made();
    for (let step = 0; step < 100; step += 1) {
      wishes.show('anna', 'camera', step % 2 === 0 ? 180 : 700);
      vi.advanceTimersByTime(50);
    }
    expect(told.length).toBeGreaterThanOrEqual(9);
    expect(told.length).toBeLessThanOrEqual(11);
    wishes.show('anna', 'camera', 360);
    vi.advanceTimersByTime(500);
    expect(heights(told.at(-1))).toEqual({ 'anna camera': 360 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that change too little to matter are not told', () => {
    const { wishes, told } = made();
    wishes.show('anna', 'camera', 200);
    vi.advanceTimersByTime(1_000);
    for (const pixels of [190, 220, 185, 200]) wishes.show('anna', 'camera', pixels);
    wishes.show('ben', 'camera', null);
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveLength(1);
  });

  it('of which nothing is known any more are left out', () => {
    const { wishes, told } = made();
    wishes.show('anna', 'camera', 200);
    wishes.show('ben', 'camera', 200);
    vi.advanceTimersByTime(1_000);
    wishes.show('anna', 'camera', null);
    vi.advanceTimersByTime(1_000);
    expect(heights(told.at(-1))).toEqual({ 'ben camera': 180 });
  });

  it('of people who left are forgotten without a word', () => {
    const { wishes, told } = made();
    wishes.show('anna', 'camera', 200);
    wishes.show('ben', 'camera', 200);
    vi.advanceTimersByTime(1_000);
    wishes.keepOnly(rosterOf([person('ben')]));
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveLength(1);
    wishes.repeat();
    expect(heights(told.at(-1))).toEqual({ 'ben camera': 180 });
  });

  it('are told in the number the server takes, what is seen before what is not', () => {
    const { wishes, told } = made();
    for (let n = 0; n < 50; n += 1) wishes.show(`hidden-${n}`, 'camera', 0);
    for (let n = 0; n < 50; n += 1) wishes.show(`seen-${n}`, 'camera', 200);
    vi.advanceTimersByTime(1_000);
    const tiles = told[0]?.tiles ?? [];
    expect(tiles).toHaveLength(64);
    expect(tiles.filter(({ height }) => height > 0)).toHaveLength(50);
  });
});

describe('pins', () => {
  it('are told at once, with the tiles, which are not told again then', () => {
    const { wishes, told } = made();
    wishes.show('anna', 'camera', 200);
    wishes.set(['anna'], 4);
    expect(told).toMatchObject([{ type: 'wants', pinned: ['anna'], max_video: 4 }]);
    expect(heights(told[0])).toEqual({ 'anna camera': 180 });
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveLength(1);
  });

  it('may be taken back', () => {
    const { wishes, told } = made();
    wishes.set(['anna'], 4);
    wishes.set([], undefined);
    expect(told[1]).toEqual({ type: 'wants', pinned: [], tiles: [] });
  });
});

describe('a server that has forgotten', () => {
  it('is told everything again', () => {
    const { wishes, told } = made();
    wishes.set(['anna'], 0);
    wishes.show('anna', 'camera', 200);
    wishes.repeat();
    expect(told[1]).toMatchObject({ pinned: ['anna'], max_video: 0 });
    expect(heights(told[1])).toEqual({ 'anna camera': 180 });
  });

  it('is not told that there is no wish', () => {
    const { wishes, told } = made();
    wishes.repeat();
    expect(told).toEqual([]);
  });

  it('is told nothing after the end', () => {
    const { wishes, told } = made();
    wishes.show('anna', 'camera', 200);
    wishes.stop();
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([]);
  });
});
