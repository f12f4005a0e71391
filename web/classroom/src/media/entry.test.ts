import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { recall, remember } from '../storage';
import { applyEntry } from './entry';

const values = new Map<string, string>();

beforeEach(() => {
  values.clear();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
  });
});
afterEach(() => vi.unstubAllGlobals());

const switches = (): unknown => recall('session', 'media', undefined, (value): value is object => value !== null);

it('a link may say what is off on the way in', () => {
  applyEntry({ camera: false });
  expect(switches()).toEqual({ camera: false, microphone: true });
});

it('a link that says nothing leaves nothing behind', () => {
  applyEntry({});
  expect(switches()).toBeUndefined();
});

it('what the person switched in this tab counts more', () => {
  remember('session', 'media', { camera: true, microphone: false });
  applyEntry({ camera: false, microphone: false });
  expect(switches()).toEqual({ camera: true, microphone: false });
});
