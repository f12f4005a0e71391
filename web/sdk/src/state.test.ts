import { describe, expect, it } from 'vitest';

import { flowIn, isFinal, type Flow, type SessionState } from './state';

const STATES: readonly SessionState[] = [
  { name: 'idle' },
  { name: 'connecting', attempt: 0 },
  { name: 'queued', position: 1, etaMs: 1 },
  { name: 'waiting', code: 'room_full', retryInMs: 1, placeKept: false },
  { name: 'joined', media: 'connecting' },
  { name: 'joined', media: 'connected' },
  { name: 'joined', media: 'lost' },
  { name: 'reconnecting', attempt: 1 },
  { name: 'refused', code: 'room_full', message: '' },
  { name: 'ended', code: 'replaced', message: '' },
  { name: 'unreachable' },
  { name: 'left' },
];
const FLOWS: readonly Flow[] = ['none', 'flows', 'interrupted'];

const names = (states: readonly SessionState[]): string[] =>
  states.map((state) => (state.name === 'joined' ? `joined ${state.media}` : state.name));

describe('the flow of media', () => {
  it('is there in one state only', () => {
    for (const before of FLOWS) {
      const flowing = STATES.filter((state) => flowIn(state, before) === 'flows');
      expect(names(flowing)).toEqual(['joined connected']);
    }
  });

  it('is not interrupted if it never was', () => {
    for (const state of STATES) expect(flowIn(state, 'none')).not.toBe('interrupted');
  });

  it('is interrupted until it is back or over', () => {
    for (const before of ['flows', 'interrupted'] as const) {
      const over = STATES.filter((state) => flowIn(state, before) === 'none');
      expect(names(over)).toEqual(['idle', 'refused', 'ended', 'left']);
    }
  });
});

describe('final states', () => {
  it('are those in which nothing more happens by itself', () => {
    expect(names(STATES.filter(isFinal))).toEqual(['idle', 'refused', 'ended', 'unreachable', 'left']);
  });
});
