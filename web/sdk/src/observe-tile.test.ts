import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakePage } from '../test/fake-page';
import { observeTile, type TileOptions } from './observe-tile';
import type { VideoSource } from './protocol';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function observed(
  source: VideoSource = 'camera',
  { ratio = 1, ...options }: TileOptions & { ratio?: number } = {},
) {
  const page = FakePage.install(ratio);
  const element = {} as Element;
  const shown: (number | null)[] = [];
  const session = {
    showTile: (participant: string, of: VideoSource, height: number | null) => {
      expect([participant, of]).toEqual(['anna', source]);
      shown.push(height);
    },
  };
  const stop = observeTile(session, element, 'anna', source, options);
  return {
    page,
    shown,
    stop,
    last: () => shown.at(-1),
    resizes: (width: number, height: number) => page.resizes(element, width, height),
    scrolls: (inView: boolean) => page.scrolls(element, inView),
  };
}

/** A tile in view. */
function shownTile(source: VideoSource, options: TileOptions & { ratio?: number } = {}) {
  const all = observed(source, options);
  all.scrolls(true);
  return all;
}

describe('the size of a tile', () => {
  it('is that of the picture that fills it', () => {
    const { last, resizes } = shownTile('camera');
    resizes(320, 180);
    expect(last()).toBe(180);
    resizes(200, 250);
    expect(last()).toBe(250);
    resizes(640, 200);
    expect(last()).toBe(360);
  });

  it('is that of a screen that fits into it', () => {
    const { last, resizes } = shownTile('screen');
    resizes(1_600, 900);
    expect(last()).toBe(900);
    resizes(400, 800);
    expect(last()).toBe(300);
  });

  it('counts the pixels of the screen, but not more than can be told apart', () => {
    for (const [ratio, height] of [
      [1, 200],
      [1.5, 300],
      [2, 400],
      [3, 400],
    ] as const) {
      const { last, resizes } = shownTile('camera', { ratio });
      resizes(300, 200);
      expect(last(), `${ratio}`).toBe(height);
    }
  });

  it('is no more than the page wants to spend', () => {
    const { last, resizes } = shownTile('camera', { maxHeight: 180 });
    resizes(1_600, 900);
    expect(last()).toBe(180);
    resizes(160, 90);
    expect(last()).toBe(90);
  });

  it('is nothing where the element is hidden', () => {
    const { last, resizes } = shownTile('camera');
    resizes(320, 180);
    resizes(0, 0);
    expect(last()).toBe(0);
  });
});

describe('a tile out of sight', () => {
  it('is shown in no size until it comes into view', () => {
    const { last, resizes, scrolls } = observed();
    resizes(320, 180);
    expect(last()).toBe(0);
    scrolls(true);
    expect(last()).toBe(180);
    scrolls(false);
    expect(last()).toBe(0);
  });

  it('with the whole page needs nothing after a while, and all at once when it is back', () => {
    const { page, last, resizes } = shownTile('camera');
    resizes(320, 180);
    page.turns('hidden');
    vi.advanceTimersByTime(1_999);
    expect(last()).toBe(180);
    vi.advanceTimersByTime(1);
    expect(last()).toBe(0);
    page.turns('visible');
    expect(last()).toBe(180);
  });

  it('for a moment does not count, whatever the browser says of it meanwhile', () => {
    const { page, shown, resizes, scrolls } = shownTile('camera');
    resizes(320, 180);
    page.turns('hidden');
    resizes(0, 0);
    scrolls(false);
    vi.advanceTimersByTime(1_000);
    resizes(320, 180);
    scrolls(true);
    page.turns('visible');
    vi.advanceTimersByTime(5_000);
    expect(shown.slice(1)).not.toContain(0);
  });
});

describe('a tile that is gone', () => {
  it('leaves nothing known of it, and nothing running', () => {
    const { page, shown, stop, resizes } = shownTile('camera');
    resizes(320, 180);
    page.turns('hidden');
    stop();
    expect(shown.at(-1)).toBeNull();
    expect(page.watching).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    const before = shown.length;
    page.turns('visible');
    expect(shown).toHaveLength(before);
  });
});
