import type { Person, Roster, Slot } from '@firstbell/sdk';

import { picturesFor, type DataUse } from '../media/data-use';
import { tileCapacity } from './capacity';
import { gridBoxes, stageBoxes, type Area, type Box } from './layout';
import { arrange, cameraTiles, darkScreenTiles, screenTiles, tileKey, type Tile } from './tiles';

/** Everything on which it depends who is seen where. */
export interface StageInput {
  readonly roster: Roster;
  readonly slots: readonly Slot[];
  readonly speakers: ReadonlySet<string>;
  readonly own: string | undefined;
  /** Key of the tile that the person pinned. */
  readonly pinned: string | undefined;
  /** No pictures come, whatever the slots show. */
  readonly dark: boolean;
  readonly dataUse: DataUse;
  readonly area: Area;
  /** Whose cameras had tiles before, in order. */
  readonly before: readonly string[];
}

export interface StagePlan {
  readonly tiles: readonly Tile[];
  /** Keys of the large tiles. */
  readonly staged: readonly string[];
  readonly boxes: Boxes;
  /** Others without a tile. */
  readonly hidden: number;
  /** Nobody else is here. */
  readonly alone: boolean;
  /** Whose cameras have tiles, in order. */
  readonly order: readonly string[];
  /** What to ask the node for. */
  readonly wants: { readonly pinned: string | undefined; readonly maxVideo: number };
}

/** Who is seen where: a grid or, when somebody shares or is pinned, a stage with a strip. */
export function planStage(input: StageInput): StagePlan {
  const { roster, slots: allSlots, speakers, own, dark, dataUse, area, before } = input;
  // What a slot would show is old while no pictures come.
  const slots = dark ? [] : allSlots;
  const others = [...roster.values()].filter(({ participant }) => participant !== own);
  const screens = dark ? darkScreenTiles(others) : screenTiles(roster, slots);
  const pinned = findPinned(input.pinned, screens, others);
  const staged = stagedKeys(pinned, screens);

  // Places for small tiles: the own one, unstaged screens, cameras and, if those are too many, the
  // count of the rest.
  const small = others.length + screens.length + 1 - staged.length;
  const places = placesFor(staged.length, small, area);
  const fits = small <= places ? small : Math.max(2, places - 1);
  const capacity = fits - 1 + staged.length;
  const order = arrange(before, {
    others,
    seen: seenIn(roster, allSlots),
    speakers,
    pinned: pinned?.participant,
    capacity: Math.max(1, capacity - screens.length),
  });
  const cameras = cameraTiles(order, roster, slots);
  const tiles = [...screens, ...cameras];
  const hidden = others.length - cameras.length;
  return {
    tiles,
    staged,
    boxes: place(tiles, staged, hidden > 0, area),
    hidden,
    alone: others.length === 0,
    order,
    wants: {
      pinned: pinned?.participant,
      maxVideo: picturesFor(dataUse, staged.length + places - 1),
    },
  };
}

interface Pinned {
  readonly key: string;
  readonly participant: string;
}

function findPinned(
  pinned: string | undefined,
  screens: readonly Tile[],
  others: readonly Person[],
): Pinned | undefined {
  const screen = screens.find(({ key }) => key === pinned);
  if (screen !== undefined) return { key: screen.key, participant: screen.person.participant };
  const person = others.find(({ participant }) => tileKey(participant, 'camera') === pinned);
  return person && { key: tileKey(person.participant, 'camera'), participant: person.participant };
}

function stagedKeys(pinned: Pinned | undefined, screens: readonly Tile[]): readonly string[] {
  if (pinned !== undefined) return [pinned.key];
  return screens.filter(({ slot }) => slot !== null).map(({ key }) => key);
}

function seenIn(roster: Roster, slots: readonly Slot[]): ReadonlySet<string> {
  const seen = slots.flatMap(({ shows }) =>
    shows?.source === 'camera' && roster.get(shows.participant)?.publishing.camera === true
      ? [shows.participant]
      : [],
  );
  return new Set(seen);
}

/** How many small tiles there is room for; not more than `wanted` where it depends on them. */
function placesFor(staged: number, wanted: number, area: Area): number {
  const most = tileCapacity(area.width, area.height) + 1;
  if (staged === 0) return most;
  return Math.min(most, stageBoxes(staged, Math.max(wanted, most), area).strip.length);
}

interface Boxes {
  readonly own: Box | undefined;
  readonly of: ReadonlyMap<string, Box>;
  /** Says how many have no tile; after the last one that has. */
  readonly more: Box | undefined;
  /** Beside the own tile while nobody else is here. */
  readonly alone: Box | undefined;
}

function place(
  tiles: readonly Tile[],
  staged: readonly string[],
  more: boolean,
  area: Area,
): Boxes {
  const keys = tiles.map(({ key }) => key).filter((key) => !staged.includes(key));
  const alone = tiles.length === 0;
  const count = 1 + keys.length + (more || alone ? 1 : 0);
  const { stage, strip } =
    staged.length === 0
      ? { stage: [], strip: gridBoxes(count, area) }
      : stageBoxes(staged.length, count, area);
  const [own, ...boxes] = strip;
  const of = new Map<string, Box>();
  staged.forEach((key, index) => put(of, key, stage[index]));
  keys.forEach((key, index) => put(of, key, boxes[index]));
  return {
    own,
    of,
    more: more ? boxes[keys.length] : undefined,
    alone: alone ? boxes[0] : undefined,
  };
}

function put(of: Map<string, Box>, key: string, box: Box | undefined): void {
  if (box !== undefined) of.set(key, box);
}
