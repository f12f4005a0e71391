import { describe, expect, it } from 'vitest';

import type { SessionState } from './state';
import { turnIn, type Turn } from './turn';

const NOW = 5_000;
const BEFORE: Turn = { position: 4, at: 9_000 };
const sentAway = (placeKept: boolean): SessionState => ({
  name: 'waiting',
  code: 'overloaded',
  retryInMs: 20_000,
  placeKept,
});

describe('the turn of somebody who waits', () => {
  it('is what the node says of its queue', () => {
    const queued: SessionState = { name: 'queued', position: 3, etaMs: 1_200 };
    expect(turnIn(queued, null, NOW)).toEqual({ position: 3, at: 6_200 });
    expect(turnIn(queued, BEFORE, NOW)).toEqual({ position: 3, at: 6_200 });
  });

  it('is not before the next try of somebody whose place is kept, at a number nobody knows', () => {
    expect(turnIn(sentAway(true), BEFORE, NOW)).toEqual({ position: null, at: 25_000 });
  });

  it('is none for somebody who was sent away without a place', () => {
    expect(turnIn(sentAway(false), BEFORE, NOW)).toBeNull();
  });

  it('stays during the try, and begins with none', () => {
    const trying: SessionState = { name: 'connecting', attempt: 1 };
    expect(turnIn(trying, BEFORE, NOW)).toBe(BEFORE);
    expect(turnIn(trying, null, NOW)).toBeNull();
  });

  it('is over when they are in, or out', () => {
    const states: SessionState[] = [
      { name: 'idle' },
      { name: 'joined', media: 'connecting' },
      { name: 'reconnecting', attempt: 1 },
      { name: 'refused', code: 'bad_token', message: '' },
      { name: 'ended', code: 'replaced', message: '' },
      { name: 'unreachable' },
      { name: 'left' },
    ];
    for (const state of states) expect(turnIn(state, BEFORE, NOW), state.name).toBeNull();
  });
});
