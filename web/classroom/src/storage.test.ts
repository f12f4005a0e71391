import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { forbiddenStorage, memoryStorage } from '../test/memory-storage';
import { recall, remember } from './storage';

const isNumber = (value: unknown): value is number => typeof value === 'number';

beforeEach(() => {
  vi.stubGlobal('localStorage', memoryStorage());
  vi.stubGlobal('sessionStorage', memoryStorage());
});
afterEach(() => vi.unstubAllGlobals());

describe('what the page remembers', () => {
  it('is read back as it was', () => {
    remember('local', 'number', 7);
    expect(recall('local', 'number', 0, isNumber)).toBe(7);
  });

  it('stands under a name of its own', () => {
    remember('local', 'number', 7);
    expect(localStorage.getItem('firstbell.number')).toBe('7');
  });

  it('is of the browser or of the tab', () => {
    remember('local', 'number', 7);
    expect(recall('session', 'number', 0, isNumber)).toBe(0);
    remember('session', 'number', 8);
    expect(recall('session', 'number', 0, isNumber)).toBe(8);
    expect(recall('local', 'number', 0, isNumber)).toBe(7);
  });

  it('is not used if it is missing, broken or of another kind', () => {
    expect(recall('local', 'number', 3, isNumber)).toBe(3);
    for (const stored of ['', '{', 'null', '"7"', '[7]']) {
      localStorage.setItem('firstbell.number', stored);
      expect(recall('local', 'number', 3, isNumber), stored).toBe(3);
    }
  });

  it('is nothing where storage is full or forbidden, which disturbs nobody', () => {
    vi.stubGlobal('localStorage', forbiddenStorage());
    remember('local', 'number', 7);
    expect(recall('local', 'number', 3, isNumber)).toBe(3);
    vi.stubGlobal('localStorage', undefined);
    remember('local', 'number', 7);
    expect(recall('local', 'number', 3, isNumber)).toBe(3);
  });
});
