import type { DeviceProblem } from '@firstbell/sdk';
import { describe, expect, it } from 'vitest';

import { de } from '../i18n/de';
import { en } from '../i18n/en';
import { problemText, reasonOf, type Reason } from './problems';

/** The compiler asks for every problem. */
const REASONS: Readonly<Record<DeviceProblem, Reason>> = {
  missing: 'missing',
  denied: 'denied',
  busy: 'busy',
  insecure: 'other',
  unsupported: 'other',
  cancelled: 'other',
  unknown: 'other',
};
const PROBLEMS = Object.keys(REASONS) as DeviceProblem[];

describe('the reason of a device problem', () => {
  it('is one the person can do something about, or other', () => {
    for (const problem of PROBLEMS) expect(reasonOf(problem), problem).toBe(REASONS[problem]);
  });
});

describe('the text of a device problem', () => {
  it('is there in both languages for every problem of both devices', () => {
    for (const t of [de, en]) {
      for (const problem of PROBLEMS) {
        expect(problemText(t, 'camera', problem), problem).not.toBe('');
        expect(problemText(t, 'microphone', problem), problem).not.toBe('');
      }
    }
  });

  it('names the device it is about', () => {
    for (const problem of PROBLEMS.filter((one) => one !== 'insecure')) {
      expect(problemText(en, 'camera', problem), problem).toMatch(/camera/i);
      expect(problemText(en, 'microphone', problem), problem).toMatch(/microphone/i);
      expect(problemText(de, 'camera', problem), problem).toMatch(/Kamera/);
      expect(problemText(de, 'microphone', problem), problem).toMatch(/Mikrofon/);
    }
  });

  it('tells the three reasons apart', () => {
    const texts = (['missing', 'denied', 'busy', 'unknown'] as const).map((problem) =>
      problemText(de, 'camera', problem),
    );
    expect(new Set(texts).size).toBe(4);
  });

  it('asks for https where the page is not secure, for either device', () => {
    expect(problemText(en, 'camera', 'insecure')).toBe(en.deviceInsecure);
    expect(problemText(en, 'microphone', 'insecure')).toContain('https');
  });
});
