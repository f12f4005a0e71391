import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { memoryStorage } from '../test/memory-storage';
import { canRenew, recallDevPlace, rememberDevPlace, type Place } from './place';

const DEV = { room: 'math-7b', name: 'Anna', role: 'pupil' } as const;
const BY_FORM: Place = { room: 'math-7b', token: 'a.b.c', dev: DEV };
const BY_LINK: Place = { room: 'math-7b', token: 'a.b.c' };

beforeEach(() => void vi.stubGlobal('sessionStorage', memoryStorage()));
afterEach(() => vi.unstubAllGlobals());

describe('another token for the same place', () => {
  it('is asked for when the first was refused as stale', () => {
    for (const code of ['bad_token', 'token_expired']) {
      expect(canRenew(BY_FORM, code, false), code).toBe(true);
    }
  });

  it('is not asked for when something else is wrong', () => {
    for (const code of ['room_full', 'wrong_room', 'replaced', 'internal']) {
      expect(canRenew(BY_FORM, code, true), code).toBe(false);
    }
  });

  it('is not to be had for who came by a link', () => {
    expect(canRenew(BY_LINK, 'token_expired', true)).toBe(false);
  });

  it('is asked for once on the way in, and again after a stay', () => {
    const renewed: Place = { ...BY_FORM, renewed: true };
    expect(canRenew(renewed, 'bad_token', false)).toBe(false);
    expect(canRenew(renewed, 'bad_token', true)).toBe(true);
  });
});

describe('the form of a development node', () => {
  it('is filled in as it was last in this tab', () => {
    expect(recallDevPlace()).toBeUndefined();
    rememberDevPlace(DEV);
    expect(recallDevPlace()).toEqual(DEV);
  });

  it('stays empty if what was kept is not a place', () => {
    const bad = [null, 7, 'math-7b', { ...DEV, role: 'queen' }, { ...DEV, name: 7 }, { name: 'Anna' }];
    for (const value of bad) {
      sessionStorage.setItem('firstbell.place', JSON.stringify(value));
      expect(recallDevPlace(), JSON.stringify(value)).toBeUndefined();
    }
  });
});
