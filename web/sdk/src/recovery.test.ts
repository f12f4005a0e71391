import { describe, expect, it } from 'vitest';

import type { ErrorCode } from './protocol';
import { endIsFinal, remedy, type Trouble } from './recovery';

const HALF = (): number => 0.5;

function trouble(differs: Partial<Trouble>): Trouble {
  return { kind: 'socket', attempt: 0, resumable: false, restarted: false, ...differs };
}

describe('the remedy for a lost socket', () => {
  it('is to resume while the server remembers us', () => {
    const lost = trouble({ kind: 'socket', resumable: true });
    expect(remedy(lost, HALF)).toEqual({ do: 'resume', afterMs: 200 });
  });

  it('is to join anew once the server has forgotten us', () => {
    const lost = trouble({ kind: 'socket', resumable: false });
    expect(remedy(lost, HALF)).toEqual({ do: 'rejoin', afterMs: 200 });
  });

  it('takes longer with each attempt', () => {
    const third = trouble({ kind: 'socket', resumable: true, attempt: 2 });
    expect(remedy(third, HALF)).toEqual({ do: 'resume', afterMs: 800 });
  });
});

describe('the remedy for lost media', () => {
  it('is an ICE restart at once, the first time', () => {
    const lost = trouble({ kind: 'media', restarted: false, attempt: 9 });
    expect(remedy(lost, HALF)).toEqual({ do: 'restart' });
  });

  it('is to join anew when a restart did not help', () => {
    const lost = trouble({ kind: 'media', restarted: true, attempt: 1 });
    expect(remedy(lost, HALF)).toEqual({ do: 'rejoin', afterMs: 400 });
  });

  it('is not to resume: the socket is not what is broken', () => {
    const lost = trouble({ kind: 'media', restarted: true, resumable: true });
    expect(remedy(lost, HALF).do).toBe('rejoin');
  });
});

describe('the remedy for a refused resume', () => {
  it('is to join anew, even if we thought that we could resume', () => {
    const refused = trouble({ kind: 'resume_refused', resumable: true, attempt: 1 });
    expect(remedy(refused, HALF)).toEqual({ do: 'rejoin', afterMs: 400 });
  });
});

describe('the remedy for a refused join', () => {
  it('is to give up when the server names no time', () => {
    expect(remedy(trouble({ kind: 'refused' }), HALF)).toEqual({ do: 'give_up' });
  });

  it('is to join anew after the time the server named, and not by the own backoff', () => {
    const refused = trouble({ kind: 'refused', retryAfterMs: 2_000, attempt: 9 });
    expect(remedy(refused, HALF)).toEqual({ do: 'rejoin', afterMs: 2_500 });
  });

  it('is to come back just at the time named for a kept place: that is the own turn', () => {
    const refused = trouble({ kind: 'refused', retryAfterMs: 2_000, placeKept: true, attempt: 9 });
    expect(remedy(refused, () => 0.99)).toEqual({ do: 'rejoin', afterMs: 2_000 });
  });

  it('takes zero milliseconds as a time, not as none', () => {
    const refused = trouble({ kind: 'refused', retryAfterMs: 0 });
    expect(remedy(refused, () => 0)).toEqual({ do: 'rejoin', afterMs: 0 });
  });
});

describe('an end of the session', () => {
  it('is one to come back from when the node goes, was too busy or did not hear from us', () => {
    for (const code of ['draining', 'timeout', 'overloaded'] as const) {
      expect(endIsFinal(code), code).toBe(false);
    }
  });

  it('is final when somebody decided it', () => {
    const final: ErrorCode[] = ['replaced', 'not_permitted', 'rate_limited', 'bad_message', 'internal'];
    for (const code of final) expect(endIsFinal(code), code).toBe(true);
  });
});
