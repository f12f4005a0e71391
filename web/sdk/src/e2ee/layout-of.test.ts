import { describe, expect, it } from 'vitest';

import { bytes, FRAMES } from '../../test/e2ee/frames';
import { layoutOf } from './layout-of';

describe('the layout of a frame', () => {
  it.each(FRAMES)('of a $what is found without a type', ({ layout, frame }) => {
    expect(layoutOf(layout === 'opus' ? 'audio' : 'video', undefined, frame)).toBe(layout);
  });

  it('is what the browser says', () => {
    expect(layoutOf('video', 'video/VP8', bytes(0, 0, 0, 1))).toBe('vp8');
    expect(layoutOf('video', 'video/H264', bytes(0x10))).toBe('h264');
    expect(layoutOf('audio', 'audio/opus', bytes(0, 0, 0, 1))).toBe('opus');
  });

  it('is none for a format that would be sent in the clear', () => {
    for (const type of ['video/AV1', 'video/VP9', 'audio/red', 'audio/PCMU', '']) {
      expect(layoutOf('video', type, bytes(1, 2, 3))).toBeUndefined();
    }
  });
});
