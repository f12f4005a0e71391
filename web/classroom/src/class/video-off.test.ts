import type { Line, SessionState } from '@firstbell/sdk';
import { describe, expect, it } from 'vitest';

import { videoOff } from './video-off';

const CONNECTED: SessionState = { name: 'joined', media: 'connected' };
const line = (video: Line['video']): Line => ({
  downlink_kbps: 60,
  video,
  reason: video === 'full' ? null : 'narrow',
  uplink: 'good',
});

describe('no pictures', () => {
  it('are the doing of the line while the node says so', () => {
    expect(videoOff(CONNECTED, line('off'), 'full')).toBe('line');
    expect(videoOff(CONNECTED, line('off'), 'save')).toBe('line');
    expect(videoOff(CONNECTED, line('reduced'), 'full')).toBeNull();
    expect(videoOff(CONNECTED, line('full'), 'full')).toBeNull();
    expect(videoOff(CONNECTED, null, 'full')).toBeNull();
  });

  it('are the choice of the person, whatever the line is like', () => {
    for (const video of ['off', 'full'] as const) {
      expect(videoOff(CONNECTED, line(video), 'sound')).toBe('chosen');
    }
  });

  it('are not explained while the connection itself is gone', () => {
    const states: SessionState[] = [
      { name: 'joined', media: 'lost' },
      { name: 'reconnecting', attempt: 1 },
      { name: 'unreachable' },
    ];
    for (const state of states) expect(videoOff(state, line('off'), 'full')).toBeNull();
  });
});
