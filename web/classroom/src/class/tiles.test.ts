import { describe, expect, it } from 'vitest';

import { person, rosterOf, slot } from '../../test/people';
import {
  arrange,
  cameraTiles,
  darkScreenTiles,
  screenTiles,
  tileKey,
  type Arrangement,
} from './tiles';

const sharing = { microphone: true, camera: true, screen: true };
const cameraOff = { microphone: true, camera: false, screen: false };

describe('the tile of a screen', () => {
  const roster = rosterOf(person('anna', { publishing: sharing }), person('ben'));

  it('is there for a shared screen that has a slot', () => {
    const shown = slot('5', { participant: 'anna', source: 'screen' });
    expect(screenTiles(roster, [shown])).toEqual([
      { key: 'screen:anna', person: roster.get('anna'), source: 'screen', slot: shown },
    ]);
  });

  it('is not there for a camera, an empty slot or somebody unknown', () => {
    const slots = [
      slot('5', { participant: 'anna', source: 'camera' }),
      slot('6', null),
      slot('7', { participant: 'nobody', source: 'screen' }),
    ];
    expect(screenTiles(roster, slots)).toEqual([]);
  });

  it('goes when the person stops, even before the slot is given to another', () => {
    const slots = [slot('5', { participant: 'ben', source: 'screen' })];
    expect(screenTiles(roster, slots)).toEqual([]);
  });
});

describe('the tile of a screen while no pictures come', () => {
  it('keeps its place, under the same key, for everybody who shares', () => {
    const anna = person('anna', { publishing: sharing });
    const [bright] = screenTiles(rosterOf(anna), [slot('5', { participant: 'anna', source: 'screen' })]);
    const [dark, ...more] = darkScreenTiles([person('ben'), anna]);
    expect(dark).toEqual({ ...bright, slot: null });
    expect(more).toEqual([]);
  });
});

describe('the tile of a person', () => {
  const roster = rosterOf(person('anna'), person('ben', { publishing: cameraOff }));
  const slots = [
    slot('5', { participant: 'ben', source: 'camera' }),
    slot('6', { participant: 'anna', source: 'screen' }),
    slot('7', { participant: 'anna', source: 'camera' }),
  ];
  const tiles = cameraTiles(['ben', 'anna'], roster, slots);

  it('stands in the order asked for', () => {
    expect(tiles.map(({ key }) => key)).toEqual(['camera:ben', 'camera:anna']);
  });

  it('shows the camera, not the screen', () => {
    expect(tiles[1]?.slot?.mid).toBe('7');
  });

  it('shows the name when the camera is off, whatever the slot still has', () => {
    expect(tiles[0]?.slot).toBeNull();
  });

  it('shows the name of who has no slot', () => {
    expect(cameraTiles(['anna'], roster, [])[0]?.slot).toBeNull();
  });

  it('is not there for who is gone', () => {
    expect(cameraTiles(['nobody'], roster, slots)).toEqual([]);
  });

  it('has another key than the tile of the same person’s screen', () => {
    expect(tileKey('anna', 'camera')).not.toBe(tileKey('anna', 'screen'));
  });
});

describe('the arrangement', () => {
  const people = (...ids: string[]) => ids.map((id) => person(id));
  const arranged = (
    before: readonly string[],
    differs: Partial<Arrangement>,
  ): readonly string[] =>
    arrange(before, {
      others: people('a', 'b', 'c', 'd'),
      seen: new Set(),
      speakers: new Set(),
      pinned: undefined,
      capacity: 4,
      ...differs,
    });

  it('is in order of arrival at first', () => {
    expect(arranged([], {})).toEqual(['a', 'b', 'c', 'd']);
  });

  it('moves nobody who has a place, whoever speaks, is seen or is pinned', () => {
    const before = ['d', 'b', 'a', 'c'];
    const busy = { speakers: new Set(['c']), seen: new Set(['a']), pinned: 'b' };
    expect(arranged(before, busy)).toEqual(before);
  });

  it('puts newcomers after those who are there', () => {
    expect(arranged(['c', 'a'], {})).toEqual(['c', 'a', 'b', 'd']);
  });

  it('closes up where somebody left', () => {
    expect(arranged(['a', 'b', 'c'], { others: people('a', 'c') })).toEqual(['a', 'c']);
  });

  it('keeps who has a place when places are short', () => {
    expect(arranged(['c', 'd'], { capacity: 2 })).toEqual(['c', 'd']);
  });

  it('gives a speaker the place of who has no merit, where it stands', () => {
    const before = ['a', 'b', 'c'];
    const differs = { capacity: 3, seen: new Set(['a', 'c']), speakers: new Set(['d']) };
    expect(arranged(before, differs)).toEqual(['a', 'd', 'c']);
  });

  it('prefers the pinned to the seen, these to teachers, and these to speakers', () => {
    const others = [
      person('nobody'),
      person('speaker'),
      person('teacher', { role: 'teacher' }),
      person('co', { role: 'co_teacher' }),
      person('seen'),
      person('pinned'),
    ];
    const merits = { others, seen: new Set(['seen']), speakers: new Set(['speaker']), pinned: 'pinned' };
    const chosen = (capacity: number) => new Set(arranged([], { ...merits, capacity }));
    expect(chosen(1)).toEqual(new Set(['pinned']));
    expect(chosen(2)).toEqual(new Set(['pinned', 'seen']));
    expect(chosen(4)).toEqual(new Set(['pinned', 'seen', 'teacher', 'co']));
    expect(chosen(5)).toEqual(new Set(['pinned', 'seen', 'teacher', 'co', 'speaker']));
  });

  it('puts the pinned first of all merits, even against all others together', () => {
    const teacher = person('teacher', { role: 'teacher' });
    const all = { seen: new Set(['teacher']), speakers: new Set(['teacher']), pinned: 'a' };
    const others = [teacher, person('a')];
    expect(arranged(['teacher'], { ...all, others, capacity: 1 })).toEqual(['a']);
  });

  it('takes places away when there are fewer, from the least important', () => {
    const before = ['a', 'b', 'c', 'd'];
    expect(arranged(before, { capacity: 2, seen: new Set(['b', 'd']) })).toEqual(['b', 'd']);
    expect(arranged(before, { capacity: 0 })).toEqual([]);
  });

  it('has nobody twice and never more than there is room for', () => {
    for (const capacity of [0, 1, 2, 3, 4, 5]) {
      for (const speaker of ['a', 'b', 'c', 'd']) {
        const places = arranged(['d', 'gone', 'b'], { capacity, speakers: new Set([speaker]) });
        expect(new Set(places).size).toBe(places.length);
        expect(places).toHaveLength(Math.min(capacity, 4));
      }
    }
  });
});
