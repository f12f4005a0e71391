import { describe, expect, it } from 'vitest';

import type { Measurement } from './media-stats';
import type { Line } from './protocol';
import {
  FRESH,
  GOOD,
  judge,
  judgeLine,
  settle,
  worse,
  type Quality,
  type QualityLevel,
  type QualityReason,
  type Standing,
} from './quality';

const CLEAN: Measurement = {
  downlinkLoss: 0,
  uplinkLoss: 0,
  concealed: 0,
  frozen: 0,
  roundTripMs: 30,
  outgoingKbps: 1_500,
};
const UNKNOWN: Measurement = {
  downlinkLoss: null,
  uplinkLoss: null,
  concealed: null,
  frozen: null,
  roundTripMs: null,
  outgoingKbps: null,
};
const of = (level: QualityLevel, reason: QualityReason | null = null): Quality => ({ level, reason });

describe('one measurement', () => {
  it('is good while nothing is wrong, or nothing is known', () => {
    expect(judge(CLEAN)).toEqual(GOOD);
    expect(judge(UNKNOWN)).toEqual(GOOD);
  });

  it.each([
    ['concealed', 0.05, 0.2, 'sound'],
    ['downlinkLoss', 0.08, 0.3, 'lossy'],
    ['uplinkLoss', 0.08, 0.3, 'uplink_lossy'],
    ['roundTripMs', 500, 2_000, 'delayed'],
    ['frozen', 0.2, 0.8, 'frozen'],
    ['outgoingKbps', 80, 30, 'uplink_narrow'],
  ] as const)('with %s is weak at %d and bad at %d', (member, weak, bad, reason) => {
    expect(judge({ ...CLEAN, [member]: weak })).toEqual(of('weak', reason));
    expect(judge({ ...CLEAN, [member]: bad })).toEqual(of('bad', reason));
    expect(judge({ ...UNKNOWN, [member]: bad })).toEqual(of('bad', reason));
  });

  it('names what is worst, and of two as bad what people notice more', () => {
    expect(judge({ ...CLEAN, concealed: 0.05, downlinkLoss: 0.3 })).toEqual(of('bad', 'lossy'));
    expect(judge({ ...CLEAN, concealed: 0.2, downlinkLoss: 0.3 })).toEqual(of('bad', 'sound'));
  });

  it('never gets better when something gets worse', () => {
    const levels: QualityLevel[] = ['good', 'weak', 'bad'];
    for (const member of ['concealed', 'downlinkLoss', 'uplinkLoss', 'frozen'] as const) {
      let last = 0;
      for (let share = 0; share <= 1; share += 0.01) {
        const rank = levels.indexOf(judge({ ...CLEAN, [member]: share }).level);
        expect(rank).toBeGreaterThanOrEqual(last);
        last = rank;
      }
    }
  });
});

describe('what the node says of the line', () => {
  const line = (differs: Partial<Line>): Line => ({
    downlink_kbps: 900,
    video: 'full',
    reason: null,
    uplink: 'good',
    ...differs,
  });

  it('is good until it says something', () => {
    expect(judgeLine(null)).toEqual(GOOD);
    expect(judgeLine(line({}))).toEqual(GOOD);
  });

  it('is weak with fewer pictures and bad with none, for the reason it gives', () => {
    expect(judgeLine(line({ video: 'reduced', reason: 'delayed' }))).toEqual(of('weak', 'delayed'));
    expect(judgeLine(line({ video: 'off', reason: 'lossy' }))).toEqual(of('bad', 'lossy'));
    expect(judgeLine(line({ video: 'off' }))).toEqual(of('bad', 'narrow'));
  });

  it('is bad as well if nothing of ours arrives', () => {
    expect(judgeLine(line({ uplink: 'lossy' }))).toEqual(of('weak', 'uplink_lossy'));
    const silent = line({ uplink: 'silent', video: 'reduced', reason: 'narrow' });
    expect(judgeLine(silent)).toEqual(of('bad', 'uplink_silent'));
  });
});

describe('what is shown', () => {
  const after = (...measured: Quality[]): Quality => measured.reduce(settle, FRESH).shown;
  const weak = of('weak', 'lossy');
  const bad = of('bad', 'sound');

  it('does not change with a single measurement', () => {
    expect(after(bad)).toEqual(GOOD);
    expect(after(bad, GOOD, bad, GOOD, bad, GOOD)).toEqual(GOOD);
  });

  it('gets worse with two in a row, as far as both agree', () => {
    expect(after(bad, bad)).toEqual(bad);
    expect(after(bad, weak)).toEqual(weak);
    expect(after(weak, bad)).toEqual(weak);
    expect(after(weak, bad, bad, bad)).toEqual(bad);
  });

  it('gets better with four in a row, as far as all agree', () => {
    expect(after(bad, bad, GOOD, GOOD, GOOD)).toEqual(bad);
    expect(after(bad, bad, GOOD, GOOD, GOOD, GOOD)).toEqual(GOOD);
    expect(after(bad, bad, GOOD, weak, GOOD, GOOD)).toEqual(weak);
    expect(after(bad, bad, GOOD, GOOD, GOOD, bad, GOOD)).toEqual(bad);
  });

  it('has another reason only if it stays', () => {
    const late = of('weak', 'delayed');
    expect(after(weak, weak, late)).toEqual(weak);
    expect(after(weak, weak, late, weak, late)).toEqual(weak);
    expect(after(weak, weak, late, late)).toEqual(late);
  });

  it('is after any row of measurements one of them, or good', () => {
    const all = [GOOD, weak, bad, of('bad', 'delayed')];
    for (let seed = 0; seed < 4 ** 6; seed += 1) {
      const row = Array.from({ length: 6 }, (_, digit) => all[Math.floor(seed / 4 ** digit) % 4] ?? GOOD);
      let standing: Standing = FRESH;
      let changes = 0;
      for (const measured of row) {
        const next = settle(standing, measured);
        if (next.shown !== standing.shown) changes += 1;
        standing = next;
      }
      expect([GOOD, ...row]).toContainEqual(standing.shown);
      expect(changes).toBeLessThanOrEqual(3);
    }
  });

  it('of two qualities is the worse one', () => {
    expect(worse(weak, bad)).toEqual(bad);
    expect(worse(of('weak', 'narrow'), weak)).toEqual(of('weak', 'narrow'));
  });
});
