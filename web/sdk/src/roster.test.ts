import { describe, expect, it } from 'vitest';

import { person } from '../test/people';
import { applyDelta, difference, rosterOf, type RosterDelta } from './roster';

const NOTHING: RosterDelta = { joined: [], left: [], changed: [] };
const class7b = rosterOf([person('anna'), person('ben'), person('cem')]);

const ids = (roster: ReadonlyMap<string, unknown>): string[] => [...roster.keys()];

describe('a roster', () => {
  it('lists people in order of arrival', () => {
    const after = applyDelta(class7b, { ...NOTHING, joined: [person('aaron')] });
    expect(ids(after)).toEqual(['anna', 'ben', 'cem', 'aaron']);
  });

  it('forgets who left', () => {
    expect(ids(applyDelta(class7b, { ...NOTHING, left: ['ben'] }))).toEqual(['anna', 'cem']);
  });

  it('does not mind that somebody unknown left', () => {
    expect(applyDelta(class7b, { ...NOTHING, left: ['nobody'] })).toEqual(class7b);
  });

  it('keeps the place of who changed', () => {
    const renamed = person('anna', { name: 'Anna A.' });
    const after = applyDelta(class7b, { ...NOTHING, changed: [renamed] });
    expect(ids(after)).toEqual(['anna', 'ben', 'cem']);
    expect(after.get('anna')).toEqual(renamed);
  });

  it('adds somebody who changed before the arrival was told', () => {
    const after = applyDelta(class7b, { ...NOTHING, changed: [person('dana')] });
    expect(after.has('dana')).toBe(true);
  });

  it('keeps somebody who left and came back in one delta, as the newest', () => {
    const after = applyDelta(class7b, { ...NOTHING, left: ['anna'], joined: [person('anna')] });
    expect(ids(after)).toEqual(['ben', 'cem', 'anna']);
  });

  it('is not changed itself by a delta', () => {
    applyDelta(class7b, { joined: [person('dana')], left: ['ben'], changed: [] });
    expect(ids(class7b)).toEqual(['anna', 'ben', 'cem']);
  });
});

describe('the difference of two rosters', () => {
  it('is nothing for the same people, whoever made the objects', () => {
    const again = rosterOf([person('anna'), person('ben'), person('cem')]);
    expect(difference(class7b, again)).toEqual(NOTHING);
  });

  it('is everybody, from nobody', () => {
    expect(difference(new Map(), class7b)).toEqual({ ...NOTHING, joined: [...class7b.values()] });
  });

  it('is that everybody left, to nobody', () => {
    expect(difference(class7b, new Map())).toEqual({ ...NOTHING, left: ['anna', 'ben', 'cem'] });
  });

  it('sees each thing that can change about a person', () => {
    const muted = { microphone: false, camera: true, screen: false };
    const changes = [
      { name: 'Ben B.' },
      { role: 'co_teacher' as const },
      { present: false },
      { publishing: muted },
      { publishing: { ...muted, microphone: true, camera: false } },
      { publishing: { ...muted, microphone: true, screen: true } },
    ];
    for (const change of changes) {
      const changed = person('ben', change);
      const after = applyDelta(class7b, { ...NOTHING, changed: [changed] });
      expect(difference(class7b, after), JSON.stringify(change)).toEqual({
        ...NOTHING,
        changed: [changed],
      });
    }
  });

  it('applied to the first gives the second', () => {
    const people = [person('anna'), person('ben'), person('cem', { present: false }), person('dana')];
    const renamed = people.map((one) => ({ ...one, name: `${one.name} B.` }));
    const rosters = [...subsets(people), ...subsets(renamed)].map(rosterOf);
    for (const before of rosters) {
      for (const after of rosters) {
        const reached = applyDelta(before, difference(before, after));
        expect(new Set(reached.values())).toEqual(new Set(after.values()));
      }
    }
  });
});

function subsets<T>(of: readonly T[]): T[][] {
  return Array.from({ length: 2 ** of.length }, (_, bits) =>
    of.filter((_item, index) => (bits & (1 << index)) !== 0),
  );
}
