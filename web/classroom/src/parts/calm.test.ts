import { describe, expect, it } from 'vitest';

import { quietFor } from './calm';

describe('what is said to screen readers', () => {
  it('begins almost at once', () => {
    expect(quietFor(null, 5_000)).toBeLessThan(1_000);
    expect(quietFor(null, 5_000)).toBeGreaterThan(0);
  });

  it('goes on after a while, however often it changes in between', () => {
    const saidAt = 5_000;
    for (const passed of [0, 1, 7_000, 14_999]) {
      const now = saidAt + passed;
      expect(now + quietFor(saidAt, now)).toBe(saidAt + 15_000);
    }
    expect(quietFor(saidAt, saidAt + 15_000)).toBe(0);
    expect(quietFor(saidAt, saidAt + 60_000)).toBe(0);
  });
});
