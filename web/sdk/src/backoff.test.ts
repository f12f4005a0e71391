import { describe, expect, it } from 'vitest';

import { afterRefusal, fullJitter, RECONNECT_BACKOFF, RetryBudget } from './backoff';

const LEAST = (): number => 0;
const MOST = (): number => 1 - Number.EPSILON / 2;
const HALF = (): number => 0.5;

describe('full jitter', () => {
  const backoff = { baseMs: 100, capMs: 1_500 };

  it('may wait not at all, whatever the attempt', () => {
    for (const attempt of [0, 1, 5, 50]) expect(fullJitter(attempt, LEAST, backoff)).toBe(0);
  });

  it('doubles the longest wait with each attempt', () => {
    const longest = [0, 1, 2, 3].map((attempt) => fullJitter(attempt, MOST, backoff));
    expect(longest).toEqual([99, 199, 399, 799]);
  });

  it('never waits as long as the cap, not even after attempts beyond counting', () => {
    for (const attempt of [4, 5, 100, 2_000, Number.MAX_SAFE_INTEGER]) {
      expect(fullJitter(attempt, MOST, backoff)).toBe(1_499);
    }
  });

  it('spreads evenly: half of the random numbers give less than half of the wait', () => {
    expect(fullJitter(2, HALF, backoff)).toBe(200);
    expect(fullJitter(50, HALF, backoff)).toBe(750);
  });

  it('takes an attempt below zero as the first', () => {
    expect(fullJitter(-3, MOST, backoff)).toBe(fullJitter(0, MOST, backoff));
  });

  it('reconnects within 400 ms at first and within 15 s at last, unless told otherwise', () => {
    expect(fullJitter(0, MOST)).toBe(RECONNECT_BACKOFF.baseMs - 1);
    expect(fullJitter(99, MOST)).toBe(RECONNECT_BACKOFF.capMs - 1);
    expect(RECONNECT_BACKOFF).toEqual({ baseMs: 400, capMs: 15_000 });
  });
});

describe('the wait after a refusal', () => {
  const asked = [0, 1, 250, 333, 1_000, 30_000];

  it('is never shorter than the server asked for', () => {
    for (const ms of asked) {
      for (const random of [LEAST, HALF, MOST]) {
        expect(afterRefusal(ms, random)).toBeGreaterThanOrEqual(ms);
      }
    }
  });

  it('is at most half as long again', () => {
    expect(afterRefusal(10_000, MOST)).toBe(15_000);
    expect(afterRefusal(10_000, HALF)).toBe(12_500);
  });

  it('spreads people over a quarter of a second even where the server asked for nothing', () => {
    expect(afterRefusal(0, LEAST)).toBe(0);
    expect(afterRefusal(0, HALF)).toBe(125);
    expect(afterRefusal(100, MOST)).toBe(350);
  });

  it('is a whole number of milliseconds, rounded up', () => {
    expect(afterRefusal(1_000.2, LEAST)).toBe(1_001);
  });
});

describe('the retry budget', () => {
  const taken = (budget: RetryBudget, now: number, upTo = 100): number => {
    let count = 0;
    while (count < upTo && budget.take(now)) count += 1;
    return count;
  };

  it('gives as many tries as it holds, then none', () => {
    const budget = new RetryBudget(0, 3, 1_000);
    expect(taken(budget, 0)).toBe(3);
    expect(budget.take(999)).toBe(false);
  });

  it('gets one try back each time the refill time has passed', () => {
    const budget = new RetryBudget(0, 3, 1_000);
    taken(budget, 0);
    expect(taken(budget, 1_000)).toBe(1);
    expect(taken(budget, 3_000)).toBe(2);
  });

  it('counts part of a refill time towards the next try', () => {
    const budget = new RetryBudget(0, 1, 1_000);
    taken(budget, 0);
    expect(budget.take(1_900)).toBe(true);
    expect(budget.take(1_999)).toBe(false);
    expect(budget.take(2_000)).toBe(true);
  });

  it('never holds more than at the start, however long nothing went wrong', () => {
    const budget = new RetryBudget(0, 3, 1_000);
    expect(taken(budget, 1_000_000)).toBe(3);
  });

  it('counts from when it was made, not from zero', () => {
    const budget = new RetryBudget(50_000, 1, 1_000);
    taken(budget, 50_000);
    expect(budget.take(50_999)).toBe(false);
  });

  it('holds 20 tries and gets two a minute, unless told otherwise', () => {
    const budget = new RetryBudget(0);
    expect(taken(budget, 0)).toBe(20);
    expect(taken(budget, 60_000)).toBe(2);
  });
});
