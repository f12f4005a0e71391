import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Comeback } from './comeback';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a lost socket', () => {
  it('may be resumed as long as the server said at the join', () => {
    const comeback = new Comeback();
    comeback.joined(30_000);
    expect(comeback.isInTime).toBe(false);
    comeback.socketLost();
    vi.advanceTimersByTime(29_999);
    expect(comeback.isInTime).toBe(true);
    vi.advanceTimersByTime(1);
    expect(comeback.isInTime).toBe(false);
  });

  it('may not be resumed once it was, or was refused', () => {
    const comeback = new Comeback();
    comeback.joined(30_000);
    comeback.socketLost();
    comeback.forgetSocket();
    expect(comeback.isInTime).toBe(false);
  });
});

describe('lost media', () => {
  const media = { kind: 'media', resumable: true } as const;

  it('gets one ICE restart, and another one after it flowed again', () => {
    const comeback = new Comeback();
    expect(comeback.remedy(media)).toEqual({ do: 'restart' });
    comeback.restarts(true);
    expect(comeback.remedy(media).do).toBe('rejoin');
    comeback.mediaFlows();
    expect(comeback.remedy(media)).toEqual({ do: 'restart' });
  });

  it('gets it again if nobody answered the first', () => {
    const comeback = new Comeback();
    comeback.restarts(true);
    comeback.restarts(false);
    expect(comeback.remedy(media)).toEqual({ do: 'restart' });
  });
});

describe('tries', () => {
  it('are counted until media flows, and are not endless', () => {
    const comeback = new Comeback();
    comeback.tryAgain();
    comeback.tryAgain();
    expect(comeback.attempt).toBe(2);
    comeback.mediaFlows();
    expect(comeback.attempt).toBe(0);
    let tries = 0;
    while (comeback.tryAgain() && tries < 1_000) tries += 1;
    expect(tries).toBeLessThan(100);
    expect(comeback.attempt).toBe(tries);
  });

  it('start anew when the person wants in again', () => {
    const comeback = new Comeback();
    while (comeback.tryAgain());
    comeback.start();
    expect(comeback.attempt).toBe(0);
    expect(comeback.tryAgain()).toBe(true);
  });
});
