import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { memoryStorage } from '../../test/memory-storage';
import {
  cameraHeightFor,
  DATA_USES,
  linesFor,
  picturesFor,
  recallDataUse,
  rememberDataUse,
} from './data-use';

beforeEach(() => void vi.stubGlobal('localStorage', memoryStorage()));
afterEach(() => vi.unstubAllGlobals());

describe('the choice of data use', () => {
  it('is everything until the person chooses, and then that', () => {
    expect(recallDataUse()).toBe('full');
    for (const use of DATA_USES) {
      rememberDataUse(use);
      expect(recallDataUse()).toBe(use);
    }
  });

  it('is everything again if what was kept is unknown', () => {
    for (const stored of ['"less"', '7', 'null', '{']) {
      localStorage.setItem('firstbell.dataUse', stored);
      expect(recallDataUse(), stored).toBe('full');
    }
  });
});

describe('pictures', () => {
  it('are as many as there are places, few, or none', () => {
    expect(DATA_USES.map((use) => picturesFor(use, 12))).toEqual([12, 4, 0]);
    expect(DATA_USES.map((use) => picturesFor(use, 2))).toEqual([2, 2, 0]);
  });

  it('are as large as shown, small but readable, or not there', () => {
    expect(DATA_USES.map((use) => linesFor(use, 'camera'))).toEqual([Infinity, 180, 0]);
    expect(DATA_USES.map((use) => linesFor(use, 'screen'))).toEqual([Infinity, 720, 0]);
  });

  it('of the own camera are large only on a strong computer that need not save', () => {
    const laptop = { cores: 8, shorterSide: 900 };
    expect(DATA_USES.map((use) => cameraHeightFor(use, laptop))).toEqual([720, 360, 360]);
    expect(cameraHeightFor('full', { ...laptop, cores: 2 })).toBe(360);
    expect(cameraHeightFor('full', { ...laptop, shorterSide: 390 })).toBe(360);
  });
});
