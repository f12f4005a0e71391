import type { RosterDelta } from '@firstbell/sdk';
import { describe, expect, it } from 'vitest';

import { person, rosterOf } from '../../test/people';
import { de } from '../i18n/de';
import { en } from '../i18n/en';
import { announcements } from './announce';

const sharing = { microphone: true, camera: true, screen: true };
const before = rosterOf(person('Me'), person('Anna'), person('Ben'));

function said(differs: Partial<RosterDelta>, roster = before): readonly string[] {
  const delta = { joined: [], left: [], changed: [], ...differs };
  return announcements(en, roster, delta, 'Me');
}

describe('what is read out', () => {
  it('is who joined', () => {
    expect(said({ joined: [person('Cem'), person('Dana')] })).toEqual(['Cem, Dana joined']);
  });

  it('is who left, by the name they had', () => {
    expect(said({ left: ['Ben'] })).toEqual(['Ben left']);
  });

  it('is a number instead of names when a whole class comes', () => {
    const joined = ['C', 'D', 'E', 'F', 'G'].map((name) => person(name));
    expect(said({ joined })).toEqual(['C, D, E and 2 more joined']);
    expect(said({ joined: joined.slice(0, 3) })).toEqual(['C, D, E joined']);
  });

  it('is who starts and who stops to share', () => {
    expect(said({ changed: [person('Anna', { publishing: sharing })] })).toEqual([
      'Anna is sharing the screen',
    ]);
    const shared = rosterOf(person('Anna', { publishing: sharing }));
    expect(said({ changed: [person('Anna')] }, shared)).toEqual(['Anna stopped sharing the screen']);
  });

  it('is all of it in one order: came, went, shares', () => {
    const all = { joined: [person('Cem')], left: ['Ben'], changed: [person('Anna', { publishing: sharing })] };
    expect(said(all)).toEqual(['Cem joined', 'Ben left', 'Anna is sharing the screen']);
  });

  it('is in the language of the page', () => {
    const delta = { joined: [person('Cem')], left: [], changed: [] };
    expect(announcements(de, before, delta, 'Me')).toEqual(['Jetzt dabei: Cem']);
  });
});

describe('what is not read out', () => {
  it('is the person’s own arrival and sharing', () => {
    expect(said({ joined: [person('Me')] }, rosterOf())).toEqual([]);
    expect(said({ changed: [person('Me', { publishing: sharing })] })).toEqual([]);
  });

  it('is who was there already', () => {
    expect(said({ joined: [person('Anna')] })).toEqual([]);
  });

  it('is the leaving of somebody who was never seen', () => {
    expect(said({ left: ['nobody'] })).toEqual([]);
  });

  it('is a microphone, a camera or a connection that changes', () => {
    const muted = { microphone: false, camera: false, screen: false };
    expect(said({ changed: [person('Anna', { publishing: muted, present: false })] })).toEqual([]);
  });

  it('is somebody who left and came back in one delta: they stay', () => {
    expect(said({ left: ['Anna'], joined: [person('Anna')] })).toEqual([]);
  });
});
