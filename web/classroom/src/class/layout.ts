/** Where tiles stand: pure geometry in CSS pixels, relative to the class area. */
export type Box = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

export interface Area {
  readonly width: number;
  readonly height: number;
}

const GAP = 10;
/** Wider than this a tile shows walls. */
const WIDEST = 16 / 9;
/** Narrower than this it cuts people off; on an upright area that is better than leaving it empty. */
const NARROWEST = { wide: 4 / 3, upright: 4 / 5 };
/** Tiles in the column beside a stage. */
const STRIP_WIDTH = { least: 128, share: 0.19, most: 260 };
/** Above this part of an upright area stands the stage, below it the grid of the others. */
const STAGE_PART = 0.62;
/** What a shared screen needs at most of an upright area: width to height. */
const STAGE_SHAPE = 3 / 2;

/** `count` equal tiles that fill `area` best, row by row, the last row centred. */
export function gridBoxes(count: number, area: Area): readonly Box[] {
  if (count === 0 || area.width <= 0 || area.height <= 0) return [];
  let best = tileSize(count, 1, area);
  for (let columns = 2; columns <= count; columns += 1) {
    const next = tileSize(count, columns, area);
    if (next.width * next.height > best.width * best.height * 1.02) best = next;
  }
  const { columns, rows, width, height } = best;
  const usedHeight = rows * height + (rows - 1) * GAP;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const rowWidth = inRow * width + (inRow - 1) * GAP;
    return {
      left: (area.width - rowWidth) / 2 + (index % columns) * (width + GAP),
      top: (area.height - usedHeight) / 2 + row * (height + GAP),
      width,
      height,
    };
  });
}

function tileSize(count: number, columns: number, area: Area) {
  const rows = Math.ceil(count / columns);
  const roomWidth = Math.max(1, (area.width - (columns - 1) * GAP) / columns);
  const roomHeight = Math.max(1, (area.height - (rows - 1) * GAP) / rows);
  const narrowest = area.width > area.height ? NARROWEST.wide : NARROWEST.upright;
  return {
    columns,
    rows,
    width: Math.min(roomWidth, roomHeight * WIDEST),
    height: Math.min(roomHeight, roomWidth / narrowest),
  };
}

export interface StageLayout {
  readonly stage: readonly Box[];
  /** As many as fit, at most `count`. */
  readonly strip: readonly Box[];
}

/** A stage of `staged` large tiles, and up to `count` small ones in a column beside or a grid below. */
export function stageBoxes(staged: number, count: number, area: Area): StageLayout {
  return area.width > area.height
    ? stageBeside(staged, count, area)
    : stageAbove(staged, count, area);
}

function stageBeside(staged: number, count: number, area: Area): StageLayout {
  const ideal = Math.min(STRIP_WIDTH.most, area.width * STRIP_WIDTH.share);
  // Rather smaller tiles than fewer, down to the least.
  const allFit = ((area.height - (count - 1) * GAP) / Math.max(1, count)) * WIDEST;
  const width = Math.floor(Math.max(STRIP_WIDTH.least, Math.min(ideal, allFit)));
  const height = width / WIDEST;
  const fitting = Math.max(1, Math.floor((area.height + GAP) / (height + GAP)));
  const strip = Array.from({ length: Math.min(count, fitting) }, (_, index) => ({
    left: area.width - width,
    top: index * (height + GAP),
    width,
    height,
  }));
  const rest = { width: Math.max(0, area.width - width - GAP), height: area.height };
  return { stage: stack(staged, rest), strip };
}

function stageAbove(staged: number, count: number, area: Area): StageLayout {
  const height = Math.min(area.height * STAGE_PART, (staged * area.width) / STAGE_SHAPE);
  const top = height + GAP;
  const rest = { width: area.width, height: Math.max(0, area.height - top) };
  const strip = gridBoxes(count, rest).map((box) => ({ ...box, top: box.top + top }));
  return { stage: stack(staged, { width: area.width, height }), strip };
}

/** Large tiles that share `area` fully: a screen's own shape decides what of it is used. */
function stack(count: number, area: Area): readonly Box[] {
  const across = area.width > area.height;
  const share = (length: number): number => (length - (count - 1) * GAP) / Math.max(1, count);
  return Array.from({ length: count }, (_, index) => {
    const width = across ? share(area.width) : area.width;
    const height = across ? area.height : share(area.height);
    return {
      left: across ? index * (width + GAP) : 0,
      top: across ? 0 : index * (height + GAP),
      width,
      height,
    };
  });
}
