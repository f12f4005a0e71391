import { describe, expect, it } from 'vitest';

import { gridBoxes, stageBoxes, type Area, type Box } from './layout';

const AREAS: Readonly<Record<string, Area>> = {
  'a phone held upright': { width: 360, height: 640 },
  'a phone on its side': { width: 740, height: 360 },
  'a tablet held upright': { width: 768, height: 960 },
  'a laptop': { width: 1_280, height: 640 },
  'a square': { width: 700, height: 700 },
  'a wall': { width: 2_560, height: 1_300 },
};
const COUNTS = Array.from({ length: 25 }, (_, index) => index + 1);
/** Rounding of floating point numbers. */
const SLACK = 1e-6;

function expectInside(boxes: readonly Box[], area: Area, what: string): void {
  for (const box of boxes) {
    expect(box.left, what).toBeGreaterThanOrEqual(-SLACK);
    expect(box.top, what).toBeGreaterThanOrEqual(-SLACK);
    expect(box.left + box.width, what).toBeLessThanOrEqual(area.width + SLACK);
    expect(box.top + box.height, what).toBeLessThanOrEqual(area.height + SLACK);
  }
}

function expectApart(boxes: readonly Box[], what: string): void {
  for (const [index, a] of boxes.entries()) {
    for (const b of boxes.slice(index + 1)) {
      const beside = a.left + a.width <= b.left + SLACK || b.left + b.width <= a.left + SLACK;
      const above = a.top + a.height <= b.top + SLACK || b.top + b.height <= a.top + SLACK;
      expect(beside || above, what).toBe(true);
    }
  }
}

const surface = (boxes: readonly Box[]): number =>
  boxes.reduce((sum, { width, height }) => sum + width * height, 0);

describe.each(Object.entries(AREAS))('a grid on %s', (_, area) => {
  it('has a tile for everybody', () => {
    for (const count of COUNTS) expect(gridBoxes(count, area)).toHaveLength(count);
  });

  it('keeps all tiles inside and apart', () => {
    for (const count of COUNTS) {
      const boxes = gridBoxes(count, area);
      expectInside(boxes, area, `${count} tiles`);
      expectApart(boxes, `${count} tiles`);
    }
  });

  it('gives everybody the same size', () => {
    for (const count of COUNTS) {
      const sizes = new Set(gridBoxes(count, area).map(({ width, height }) => `${width} ${height}`));
      expect(sizes.size, `${count} tiles`).toBe(1);
    }
  });

  it('shows neither walls nor half faces', () => {
    const narrowest = area.width > area.height ? 4 / 3 : 4 / 5;
    for (const { width, height } of COUNTS.flatMap((count) => gridBoxes(count, area).slice(0, 1))) {
      expect(width / height).toBeLessThanOrEqual(16 / 9 + SLACK);
      expect(width / height).toBeGreaterThanOrEqual(narrowest - SLACK);
    }
  });

  it('goes row by row, with the last row centred', () => {
    for (const count of COUNTS) {
      const boxes = gridBoxes(count, area);
      const order = [...boxes].sort((a, b) => a.top - b.top || a.left - b.left);
      expect(boxes).toEqual(order);
      const lastRow = boxes.filter(({ top }) => top === boxes.at(-1)?.top);
      const [first, last] = [lastRow[0], lastRow.at(-1)];
      const leftOver = area.width - ((last?.left ?? 0) + (last?.width ?? 0));
      expect(first?.left).toBeCloseTo(leftOver);
    }
  });

  it('leaves less than half of the area empty once there are a few people', () => {
    for (const count of COUNTS.filter((many) => many >= 4)) {
      const used = surface(gridBoxes(count, area)) / (area.width * area.height);
      expect(used, `${count} tiles`).toBeGreaterThan(0.5);
    }
  });
});

describe('a grid', () => {
  it('puts two beside each other on a wide area and above each other on an upright one', () => {
    const [a, b] = gridBoxes(2, { width: 1_200, height: 500 });
    expect(a?.top).toBe(b?.top);
    const [c, d] = gridBoxes(2, { width: 360, height: 640 });
    expect(c?.left).toBe(d?.left);
  });

  it('is empty for nobody, and before the page has a size', () => {
    expect(gridBoxes(0, { width: 800, height: 600 })).toEqual([]);
    expect(gridBoxes(3, { width: 0, height: 600 })).toEqual([]);
    expect(gridBoxes(3, { width: 800, height: 0 })).toEqual([]);
  });
});

describe.each(Object.entries(AREAS))('a stage on %s', (_, area) => {
  const cases = [1, 2].flatMap((staged) => COUNTS.map((count) => [staged, count] as const));

  it('shows everything that is staged, and at least one of the others', () => {
    for (const [staged, count] of cases) {
      const { stage, strip } = stageBoxes(staged, count, area);
      expect(stage).toHaveLength(staged);
      expect(strip.length).toBeGreaterThanOrEqual(1);
      expect(strip.length).toBeLessThanOrEqual(count);
    }
  });

  it('keeps everything inside and apart', () => {
    for (const [staged, count] of cases) {
      const { stage, strip } = stageBoxes(staged, count, area);
      expectInside([...stage, ...strip], area, `${staged} and ${count}`);
      expectApart([...stage, ...strip], `${staged} and ${count}`);
    }
  });

  it('gives what is staged the larger part, or all the width it can use', () => {
    for (const [staged, count] of cases) {
      const { stage, strip } = stageBoxes(staged, count, area);
      const fullWidth = stage[0]?.width === area.width;
      expect(fullWidth || surface(stage) > surface(strip), `${staged} and ${count}`).toBe(true);
    }
  });
});

describe('the others beside a stage', () => {
  const laptop = { width: 1_280, height: 640 };

  it('stand in a column at the right, from the top', () => {
    const { strip } = stageBoxes(1, 3, laptop);
    for (const box of strip) expect(box.left + box.width).toBe(laptop.width);
    expect(strip[0]?.top).toBe(0);
  });

  it('get smaller before they get fewer, but not too small to recognise', () => {
    const [few, many] = [stageBoxes(1, 2, laptop).strip, stageBoxes(1, 6, laptop).strip];
    expect(many).toHaveLength(6);
    expect(many[0]?.width).toBeLessThan(few[0]?.width ?? 0);
    const { strip } = stageBoxes(1, 25, laptop);
    expect(strip.length).toBeLessThan(25);
    expect(strip[0]?.width).toBe(128);
  });

  it('stand below it on an upright area, which a screen does not need all of', () => {
    const { stage, strip } = stageBoxes(1, 4, { width: 360, height: 640 });
    expect(stage).toEqual([{ left: 0, top: 0, width: 360, height: 240 }]);
    const end = (stage[0]?.top ?? 0) + (stage[0]?.height ?? 0);
    for (const { top } of strip) expect(top).toBeGreaterThan(end);
  });
});
