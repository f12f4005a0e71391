import { describe, expect, it } from 'vitest';

import type { SlotLine, SlotTrack } from './protocol';
import { applyMapping, sameTrack, slotTable } from './slot-table';

const LINES: SlotLine[] = [
  { mid: '4', kind: 'audio' },
  { mid: '5', kind: 'video' },
  { mid: '6', kind: 'video' },
];
const ANNA: SlotTrack = { participant: 'anna', source: 'camera' };
const BEN: SlotTrack = { participant: 'ben', source: 'camera' };

const shown = (table: readonly { shows: SlotTrack | null }[]) => table.map(({ shows }) => shows);

describe('the slot table of a fresh join', () => {
  it('has a slot for each receiving m-line, in their order', () => {
    const table = slotTable(LINES, []);
    expect(table.map(({ mid, kind }) => ({ mid, kind }))).toEqual(LINES);
    expect(shown(table)).toEqual([null, null, null]);
  });

  it('shows at once what the join says', () => {
    const table = slotTable(LINES, [{ mid: '6', shows: ANNA }]);
    expect(shown(table)).toEqual([null, null, ANNA]);
  });
});

describe('a whole mapping', () => {
  const before = slotTable(LINES, [{ mid: '5', shows: ANNA }, { mid: '6', shows: BEN }]);

  it('empties the slots it does not name', () => {
    expect(shown(applyMapping(before, [{ mid: '6', shows: BEN }]))).toEqual([null, null, BEN]);
  });

  it('empties the slots it names as empty', () => {
    const after = applyMapping(before, [{ mid: '5', shows: null }, { mid: '6', shows: BEN }]);
    expect(shown(after)).toEqual([null, null, BEN]);
  });

  it('cannot add a slot that was never negotiated', () => {
    const after = applyMapping(before, [{ mid: '99', shows: ANNA }]);
    expect(after.map(({ mid }) => mid)).toEqual(['4', '5', '6']);
  });

  it('leaves the identity of the slots that show the same', () => {
    const after = applyMapping(before, [{ mid: '5', shows: { ...ANNA } }, { mid: '6', shows: ANNA }]);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[2]).not.toBe(before[2]);
  });

  it('does not change the table before it', () => {
    applyMapping(before, []);
    expect(shown(before)).toEqual([null, ANNA, BEN]);
  });
});

describe('two tracks', () => {
  it('are the same by participant and source', () => {
    expect(sameTrack(ANNA, { ...ANNA })).toBe(true);
    expect(sameTrack(ANNA, BEN)).toBe(false);
    expect(sameTrack(ANNA, { participant: 'anna', source: 'screen' })).toBe(false);
  });

  it('are different if one is none, and the same if both are', () => {
    expect(sameTrack(ANNA, null)).toBe(false);
    expect(sameTrack(null, ANNA)).toBe(false);
    expect(sameTrack(null, null)).toBe(true);
  });
});
