import { describe, expect, it } from 'vitest';

import { person, rosterOf, slot } from '../../test/people';
import { planStage, type StageInput } from './stage-plan';
import { tileKey } from './tiles';

const SHARING = { microphone: true, camera: true, screen: true };
const DESKTOP = { width: 1280, height: 720 };

/** A class of `count` others, each of whom has a slot. */
function aClass(count: number, differs: Partial<StageInput> = {}): StageInput {
  const others = Array.from({ length: count }, (_, index) => person(`p${index}`));
  return {
    roster: rosterOf(person('me'), ...others),
    slots: others.map(({ participant }, index) => slot(`${index}`, { participant, source: 'camera' })),
    speakers: new Set(),
    own: 'me',
    pinned: undefined,
    dark: false,
    dataUse: 'full',
    area: DESKTOP,
    before: [],
    ...differs,
  };
}

const inSlots = (input: StageInput): number => planStage(input).tiles.filter((tile) => tile.slot !== null).length;

describe('a class', () => {
  it('of one is told so', () => {
    const plan = planStage(aClass(0));
    expect(plan).toMatchObject({ tiles: [], alone: true, hidden: 0 });
    expect(plan.boxes.own).toBeDefined();
    expect(plan.boxes.alone).toBeDefined();
  });

  it('that fits has a tile and a box for everybody', () => {
    const plan = planStage(aClass(8));
    expect(plan.tiles).toHaveLength(8);
    expect(plan.staged).toEqual([]);
    for (const { key } of plan.tiles) expect(plan.boxes.of.get(key), key).toBeDefined();
    expect(plan.boxes.more).toBeUndefined();
  });

  it('that does not fit says how many have no tile', () => {
    const plan = planStage(aClass(40));
    expect(plan.hidden).toBe(40 - plan.tiles.length);
    expect(plan.hidden).toBeGreaterThan(0);
    expect(plan.boxes.more).toBeDefined();
  });

  it('keeps its order from one look to the next', () => {
    const first = planStage(aClass(6));
    const later = planStage(aClass(6, { before: first.order, speakers: new Set(['p5']) }));
    expect(later.order).toEqual(first.order);
  });
});

describe('a stage', () => {
  const sharing = (): StageInput => {
    const input = aClass(3);
    const teacher = person('anna', { publishing: SHARING });
    const screen = slot('9', { participant: 'anna', source: 'screen' });
    return {
      ...input,
      roster: new Map([...input.roster, ['anna', teacher]]),
      slots: [...input.slots, screen],
    };
  };
  const key = tileKey('anna', 'screen');

  it('is there for a shared screen, and larger than the rest', () => {
    const { staged, boxes } = planStage(sharing());
    expect(staged).toEqual([key]);
    const widths = [...boxes.of].map(([of, { width }]) => (of === key ? width : -width));
    expect(Math.max(...widths)).toBeGreaterThan(Math.max(...widths.filter((width) => width < 0).map(Math.abs)));
  });

  it('is there for whom the person pins instead', () => {
    const pinned = tileKey('p1', 'camera');
    const plan = planStage({ ...sharing(), pinned });
    expect(plan.staged).toEqual([pinned]);
    expect(plan.wants.pinned).toBe('p1');
  });

  it('is not there for a pin of somebody who left', () => {
    const plan = planStage(aClass(3, { pinned: tileKey('gone', 'camera') }));
    expect(plan.staged).toEqual([]);
    expect(plan.wants.pinned).toBeUndefined();
  });

  it('is not built for a screen of which nothing is to be seen', () => {
    const dark = planStage({ ...sharing(), dark: true });
    expect(dark.staged).toEqual([]);
    expect(dark.tiles.map((tile) => tile.key)).toContain(key);
  });
});

describe('a class in the dark', () => {
  it('has the same tiles in the same order, without pictures', () => {
    const input = aClass(5);
    const light = planStage(input);
    const dark = planStage({ ...input, dark: true, before: light.order });
    expect(dark.tiles.map(({ key }) => key)).toEqual(light.tiles.map(({ key }) => key));
    expect(inSlots(input)).toBe(5);
    expect(inSlots({ ...input, dark: true })).toBe(0);
  });

  it('goes on asking for pictures, which come back by themselves', () => {
    const { wants } = planStage(aClass(5));
    expect(planStage(aClass(5, { dark: true })).wants).toEqual(wants);
    expect(wants.maxVideo).toBeGreaterThanOrEqual(5);
  });
});

describe('data use', () => {
  it('decides how many pictures are asked for', () => {
    const asked = (dataUse: StageInput['dataUse']) => planStage(aClass(12, { dataUse })).wants.maxVideo;
    expect(asked('full')).toBeGreaterThan(4);
    expect(asked('save')).toBe(4);
    expect(asked('sound')).toBe(0);
  });
});
