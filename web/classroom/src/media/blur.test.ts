import { describe, expect, it } from 'vitest';

import { applyBlur, blurOf } from './blur';

function camera(backgroundBlur?: readonly boolean[]) {
  const applied: object[] = [];
  const track = {
    getCapabilities: () => (backgroundBlur === undefined ? {} : { backgroundBlur }),
    getConstraints: () => ({ width: { ideal: 640 } }),
    applyConstraints: async (constraints: object) => void applied.push(constraints),
  } as unknown as MediaStreamTrack;
  return { track, applied };
}

describe('background blur', () => {
  it('is offered where system and browser can switch it', () => {
    expect(blurOf(camera([true, false]).track)).toBe('choice');
    expect(blurOf(camera([true]).track)).toBe('fixed');
    expect(blurOf(camera([]).track)).toBe('none');
    expect(blurOf(camera().track)).toBe('none');
    expect(blurOf({} as MediaStreamTrack)).toBe('none');
    expect(blurOf(null)).toBe('none');
  });

  it('leaves the size and all else of the picture as it is', async () => {
    const { track, applied } = camera([false, true]);
    await applyBlur(track, true);
    await applyBlur(track, false);
    expect(applied).toEqual([
      { width: { ideal: 640 }, backgroundBlur: true },
      { width: { ideal: 640 }, backgroundBlur: false },
    ]);
  });

  it('is not forced where it is not the person who chooses', async () => {
    for (const blur of [[true], [], undefined]) {
      const { track, applied } = camera(blur);
      await applyBlur(track, true);
      expect(applied).toEqual([]);
    }
  });
});
