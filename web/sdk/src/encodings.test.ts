import { describe, expect, it } from 'vitest';

import { encodingsFor, initialEncodings, knownRids, RIDS, type Capture, type Watched } from './encodings';

const HD: Capture = { width: 1280, height: 720 };
const CAPTURES: Readonly<Record<string, Capture>> = {
  '1080p': { width: 1920, height: 1080 },
  '720p': HD,
  'upright 720p': { width: 720, height: 1280 },
  '540p': { width: 960, height: 540 },
  '480p': { width: 640, height: 480 },
  '360p': { width: 640, height: 360 },
  '270p': { width: 480, height: 270 },
  '180p': { width: 320, height: 180 },
};

const camera = (capture: Capture | undefined, watched: Watched = 'all') =>
  encodingsFor('camera', { rids: RIDS.camera, capture, watched });
const active = (encodings: ReturnType<typeof camera>) =>
  encodings.filter((encoding) => encoding.active).map(({ rid }) => rid).join('');

describe('the encodings of a new sender', () => {
  it('are three of a camera, a quarter, a half and all of it', () => {
    expect(initialEncodings('camera')).toMatchObject([
      { rid: 'q', active: true, scaleResolutionDownBy: 4, maxBitrate: 120_000 },
      { rid: 'h', active: true, scaleResolutionDownBy: 2, maxBitrate: 380_000 },
      { rid: 'f', active: true, scaleResolutionDownBy: 1, maxBitrate: 1_200_000 },
    ]);
  });

  it('are two of a screen, a small one with few pictures a second', () => {
    expect(initialEncodings('screen')).toMatchObject([
      { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 250_000, maxFramerate: 5 },
      { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 2_000_000, maxFramerate: 15 },
    ]);
  });

  it('are one without a name if several are not wanted', () => {
    for (const source of ['camera', 'screen'] as const) {
      const [only, ...more] = initialEncodings(source, { simulcast: false });
      expect(only).toMatchObject({ active: true, scaleResolutionDownBy: 1 });
      expect(only).not.toHaveProperty('rid');
      expect(more).toEqual([]);
    }
  });

  it('put sound before screens, and screens before cameras', () => {
    expect(initialEncodings('microphone')).toEqual([
      { maxBitrate: 40_000, priority: 'high', networkPriority: 'high' },
    ]);
    const priorities = (source: 'screen' | 'camera') =>
      initialEncodings(source).map(({ priority }) => priority);
    expect(priorities('screen')).toEqual(['medium', undefined]);
    expect(priorities('camera')).toEqual([undefined, undefined, undefined]);
  });

  it('take the pictures a second that a page wants of a screen', () => {
    const rates = (screenFramerate: number) =>
      initialEncodings('screen', { screenFramerate }).map(({ maxFramerate }) => maxFramerate);
    expect(rates(30)).toEqual([5, 30]);
    expect(rates(3)).toEqual([3, 3]);
  });
});

describe('the sizes of a camera', () => {
  it.each([
    ['1080p', 'qhf', [4, 2, 1]],
    ['720p', 'qhf', [4, 2, 1]],
    ['upright 720p', 'qhf', [4, 2, 1]],
    ['540p', 'qhf', [4, 2, 1]],
    ['480p', 'qh', [2, 1, 1]],
    ['360p', 'qh', [2, 1, 1]],
    ['270p', 'qh', [2, 1, 1]],
    ['180p', 'q', [1, 1, 1]],
  ] as const)('of %s are %s', (name, rids, scales) => {
    const encodings = camera(CAPTURES[name]);
    expect(active(encodings)).toBe(rids);
    expect(encodings.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy)).toEqual(scales);
  });

  it('have the whole picture as the largest, and each half of the next', () => {
    for (const [name, capture] of Object.entries(CAPTURES)) {
      const scales = camera(capture).filter((one) => one.active);
      scales.forEach(({ scaleResolutionDownBy }, index) => {
        expect(scaleResolutionDownBy, name).toBe(2 ** (scales.length - 1 - index));
      });
    }
  });

  it('cost more the larger they are, and never more than a line can take', () => {
    for (const capture of Object.values(CAPTURES)) {
      const used = camera(capture).filter((one) => one.active);
      const rates = used.map(({ maxBitrate }) => maxBitrate);
      expect([...rates].sort((a, b) => a - b)).toEqual(rates);
      expect(new Set(rates).size).toBe(rates.length);
      expect(Math.max(...rates)).toBeLessThanOrEqual(2_500_000);
      expect(Math.min(...rates)).toBeGreaterThanOrEqual(60_000);
    }
    expect(camera({ width: 7_680, height: 4_320 })[2]?.maxBitrate).toBe(2_500_000);
  });

  it('are those of a large picture while the capture is not known', () => {
    expect(camera(undefined)).toEqual(camera(HD));
  });

  it('are one of a size for everybody where the node takes only one', () => {
    const only = (capture: Capture) =>
      encodingsFor('camera', { rids: ['q'], capture, watched: 'all', declined: true })[0];
    expect(only(HD)).toMatchObject({ active: true, scaleResolutionDownBy: 2, maxBitrate: 380_000 });
    expect(only({ width: 640, height: 480 })?.scaleResolutionDownBy).toBeCloseTo(4 / 3);
    expect(only({ width: 320, height: 180 })).toMatchObject({ scaleResolutionDownBy: 1 });
  });

  it('are all of it where the page wants only one', () => {
    const [only] = encodingsFor('camera', { rids: [undefined], capture: HD, watched: 'all' });
    expect(only).toMatchObject({ active: true, scaleResolutionDownBy: 1, maxBitrate: 1_200_000 });
  });
});

describe('what nobody watches', () => {
  it('is not sent', () => {
    expect(active(camera(HD, new Set(['q'])))).toBe('q');
    expect(active(camera(HD, new Set(['f', 'q'])))).toBe('qf');
    expect(active(camera(HD, new Set()))).toBe('');
  });

  it('is the rest of what there is: a size that does not exist means the largest', () => {
    const small = CAPTURES['360p'];
    expect(active(camera(small, new Set(['f'])))).toBe('h');
    expect(active(camera(small, new Set(['q', 'f'])))).toBe('qh');
    expect(active(camera(CAPTURES['180p'], new Set(['h'])))).toBe('q');
    expect(active(camera(small, new Set(['q'])))).toBe('q');
  });

  it('is all or nothing of a picture that is sent in one size', () => {
    const only = (watched: Watched) =>
      encodingsFor('camera', { rids: [undefined], capture: HD, watched })[0]?.active;
    expect([only('all'), only(new Set(['x'])), only(new Set())]).toEqual([true, true, false]);
  });

  it('never changes the sizes of the rest', () => {
    for (const capture of Object.values(CAPTURES)) {
      for (const watched of [new Set(['q']), new Set(['h', 'f']), new Set<string>()]) {
        const bare = (all: ReturnType<typeof camera>) => all.map(({ active: _, ...rest }) => rest);
        expect(bare(camera(capture, watched))).toEqual(bare(camera(capture)));
      }
    }
  });
});

describe('the sizes of a screen', () => {
  it('are two if half of it can be read', () => {
    const count = (capture: Capture) =>
      encodingsFor('screen', { rids: RIDS.screen, capture, watched: 'all' }).filter((one) => one.active)
        .length;
    expect(count({ width: 1920, height: 1080 })).toBe(2);
    expect(count({ width: 640, height: 400 })).toBe(1);
  });

  it('are all of it where the node takes only one: text is read', () => {
    const capture = { width: 1920, height: 1080 };
    const [only] = encodingsFor('screen', { rids: ['h'], capture, watched: 'all', declined: true });
    expect(only).toMatchObject({ scaleResolutionDownBy: 1, maxBitrate: 2_000_000, maxFramerate: 15 });
  });
});

describe('names of encodings', () => {
  it('that a sender does not have are skipped', () => {
    expect(knownRids(['q', 'x'], RIDS.camera)).toEqual(new Set(['q']));
    expect(knownRids([], RIDS.camera)).toEqual(new Set());
  });

  it('of which it has none say nothing', () => {
    expect(knownRids(['x', 'y'], RIDS.camera)).toBeUndefined();
  });

  it('do not matter where there is only one', () => {
    expect(knownRids(['anything'], ['q'])).toEqual(new Set(['anything']));
    expect(knownRids([], [undefined])).toEqual(new Set());
  });
});
