import { describe, expect, it } from 'vitest';

import { tileCapacity, videoSlotsFor } from './capacity';

describe('the video slots of a device', () => {
  it('are few on a phone, more on a tablet, most on a desktop', () => {
    expect([360, 599].map(videoSlotsFor)).toEqual([6, 6]);
    expect([600, 999].map(videoSlotsFor)).toEqual([12, 12]);
    expect([1_000, 2_160].map(videoSlotsFor)).toEqual([16, 16]);
  });

  it('are never more than a session can have', () => {
    for (let side = 0; side < 5_000; side += 100) expect(videoSlotsFor(side)).toBeLessThanOrEqual(25);
  });
});

describe('the tiles of an area', () => {
  it('are few where it is narrow or low', () => {
    expect(tileCapacity(519, 2_000)).toBe(6);
    expect(tileCapacity(2_000, 359)).toBe(6);
  });

  it('grow with the width', () => {
    expect([520, 999, 1_000, 1_499, 1_500].map((width) => tileCapacity(width, 360))).toEqual([
      9, 9, 12, 12, 16,
    ]);
  });

  it('never shrink when the area grows', () => {
    for (let width = 0; width < 2_000; width += 20) {
      for (let height = 0; height < 1_200; height += 60) {
        const here = tileCapacity(width, height);
        expect(tileCapacity(width + 20, height)).toBeGreaterThanOrEqual(here);
        expect(tileCapacity(width, height + 60)).toBeGreaterThanOrEqual(here);
      }
    }
  });
});
