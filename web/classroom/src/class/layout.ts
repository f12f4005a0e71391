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
/** Wider than this a tile shows walls; narrower, it cuts faces. */
const WIDEST = 16 / 9;
const NARROWEST = 4 / 5;
/** Tiles beside or below a shared screen. */
const STRIP_WIDTH = { least: 132, share: 0.19, most: 260 };

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
  return {
    columns,
    rows,
    width: Math.min(roomWidth, roomHeight * WIDEST),
    height: Math.min(roomHeight, roomWidth / NARROWEST),
  };
}

export interface StageLayout {
  readonly stage: readonly Box[];
  /** As many as fit; the caller shows no more tiles than this. */
  readonly strip: readonly Box[];
}

/** A stage of `staged` large tiles, and a strip of up to `count` small ones beside or below it. */
export function stageBoxes(staged: number, count: number, area: Area): StageLayout {
  const beside = area.width > area.height;
  const width = Math.min(
    STRIP_WIDTH.most,
    Math.max(STRIP_WIDTH.least, Math.round(area.width * STRIP_WIDTH.share)),
  );
  const height = width / WIDEST;
  const length = beside ? area.height : area.width;
  const step = (beside ? height : width) + GAP;
  const fitting = Math.min(count, Math.max(1, Math.floor((length + GAP) / step)));
  const strip = Array.from({ length: fitting }, (_, index) => ({
    left: beside ? area.width - width : index * step,
    top: beside ? index * step : area.height - height,
    width,
    height,
  }));
  const taken = fitting === 0 ? 0 : (beside ? width : height) + GAP;
  const rest = beside
    ? { width: area.width - taken, height: area.height }
    : { width: area.width, height: area.height - taken };
  return { stage: stack(staged, rest), strip };
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
