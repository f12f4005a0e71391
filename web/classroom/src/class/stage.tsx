import type { Person, Roster, Session, Slot } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useSize, type ClassView } from '../hooks';
import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import { tileCapacity } from './capacity';
import { gridBoxes, stageBoxes, type Box } from './layout';
import { SelfTile } from './self-tile';
import { TileView } from './tile-view';
import { arrange, cameraTiles, screenTiles, tileKey, type Tile } from './tiles';

interface StageProps {
  readonly session: Session;
  readonly view: ClassView;
  readonly media: LocalMedia;
  /** Somebody wants to see those without a tile. */
  readonly onMore: () => void;
}

/** The pictures: a grid or, when somebody shares or is pinned, a stage with a strip. */
export function Stage({ session, view, media, onMore }: StageProps) {
  const t = useTexts();
  const [ref, area] = useSize<HTMLDivElement>();
  const [pinned, setPinned] = useState<string>();
  const order = useRef<readonly string[]>([]);
  const { roster, slots, speakers } = view;

  const own = session.participant;
  const others = [...roster.values()].filter(({ participant }) => participant !== own);
  const screens = screenTiles(roster, slots);
  const pinnedTile = findPinned(pinned, screens, others);
  const staged = stagedKeys(pinnedTile, screens);
  const wide = staged.length > 0;

  // The own tile has a place of its own.
  const strip = stageBoxes(staged.length, others.length + screens.length + 1, area).strip.length;
  const capacity = wide ? Math.max(1, strip - 1) + staged.length : tileCapacity(area.width, area.height);
  order.current = arrange(order.current, {
    others,
    seen: seenIn(roster, slots),
    speakers,
    pinned: pinnedTile?.participant,
    capacity: Math.max(1, capacity - screens.length),
  });
  const cameras = cameraTiles(order.current, roster, slots);
  const tiles = [...screens, ...cameras];
  const boxes = place(tiles, staged, area);
  const hidden = others.length - cameras.length;

  useEffect(() => {
    if (area.width > 0) {
      session.setWants(pinnedTile === undefined ? [] : [pinnedTile.participant], capacity);
    }
  }, [session, capacity, pinnedTile?.participant, area.width > 0]);

  return (
    <main class="stage" aria-label={t.tiles} data-layout={wide ? 'stage' : 'grid'}>
      <div ref={ref} class="stage-area">
        <ul class="tiles">
          <SelfTile
            media={media}
            person={own === undefined ? undefined : roster.get(own)}
            speaking={own !== undefined && speakers.has(own)}
            box={boxes.own}
          />
          {tiles.map((tile) => (
            <TileView
              key={tile.key}
              tile={tile}
              box={boxes.of.get(tile.key)}
              large={staged.includes(tile.key)}
              speaking={speakers.has(tile.person.participant)}
              pinned={tile.key === pinned}
              onPin={() => setPinned(tile.key === pinned ? undefined : tile.key)}
            />
          ))}
        </ul>
        {others.length === 0 && boxes.alone !== undefined && (
          <div class="alone" style={boxes.alone}>
            <p class="alone-title">{t.alone}</p>
            <p>{t.aloneHint}</p>
          </div>
        )}
        {hidden > 0 && (
          <button class="more" data-testid="more-button" onClick={onMore}>
            +{t.more(hidden)}
          </button>
        )}
      </div>
    </main>
  );
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
  return pinned === undefined ? screens.map(({ key }) => key) : [pinned.key];
}

function seenIn(roster: Roster, slots: readonly Slot[]): ReadonlySet<string> {
  const seen = slots.flatMap(({ shows }) =>
    shows?.source === 'camera' && roster.get(shows.participant)?.publishing.camera === true
      ? [shows.participant]
      : [],
  );
  return new Set(seen);
}

interface Boxes {
  readonly own: Box | undefined;
  readonly of: ReadonlyMap<string, Box>;
  /** Beside the own tile while nobody else is here. */
  readonly alone: Box | undefined;
}

function place(
  tiles: readonly Tile[],
  staged: readonly string[],
  area: { width: number; height: number },
): Boxes {
  const small = tiles.filter(({ key }) => !staged.includes(key)).map(({ key }) => key);
  const of = new Map<string, Box>();
  const put = (keys: readonly string[], boxes: readonly Box[]): void => {
    keys.forEach((key, index) => {
      const box = boxes[index];
      if (box !== undefined) of.set(key, box);
    });
  };
  if (staged.length === 0) {
    const [own, ...boxes] = gridBoxes(Math.max(2, small.length + 1), area);
    put(small, boxes);
    return { own, of, alone: tiles.length === 0 ? boxes[0] : undefined };
  }
  const { stage, strip } = stageBoxes(staged.length, small.length + 1, area);
  const [own, ...boxes] = strip;
  put(staged, stage);
  put(small, boxes);
  return { own, of, alone: undefined };
}
