import type { Person, Roster, Session, Slot } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useSize, type ClassView } from '../hooks';
import { useTexts } from '../i18n';
import { linesFor, picturesFor, type DataUse } from '../media/data-use';
import type { LocalMedia } from '../media/local-media';
import { tileCapacity } from './capacity';
import { gridBoxes, stageBoxes, type Area, type Box } from './layout';
import { SelfTile } from './self-tile';
import { TileView } from './tile-view';
import { arrange, cameraTiles, darkScreenTiles, screenTiles, tileKey, type Tile } from './tiles';
import type { VideoOff } from './video-off';

interface StageProps {
  readonly session: Session;
  readonly view: ClassView;
  readonly media: LocalMedia;
  readonly dataUse: DataUse;
  readonly videoOff: VideoOff;
  /** Somebody wants to see those without a tile. */
  readonly onMore: () => void;
}

/** The pictures: a grid or, when somebody shares or is pinned, a stage with a strip. */
export function Stage({ session, view, media, dataUse, videoOff, onMore }: StageProps) {
  const t = useTexts();
  const [ref, area] = useSize<HTMLDivElement>();
  const [pinned, setPinned] = useState<string>();
  const order = useRef<readonly string[]>([]);
  const { roster, speakers } = view;
  // What a slot would show is old while no pictures come.
  const slots = videoOff === null ? view.slots : [];

  const own = session.participant;
  const others = [...roster.values()].filter(({ participant }) => participant !== own);
  const screens = videoOff === null ? screenTiles(roster, slots) : darkScreenTiles(others);
  const pinnedTile = findPinned(pinned, screens, others);
  const staged = stagedKeys(pinnedTile, screens);
  const wide = staged.length > 0;

  // Places for small tiles: the own one, unstaged screens, cameras and, if those are too many, the
  // count of the rest.
  const small = others.length + screens.length + 1 - staged.length;
  const places = placesFor(staged.length, small, area);
  const fits = small <= places ? small : Math.max(2, places - 1);
  const capacity = fits - 1 + staged.length;
  order.current = arrange(order.current, {
    others,
    seen: seenIn(roster, view.slots),
    speakers,
    pinned: pinnedTile?.participant,
    capacity: Math.max(1, capacity - screens.length),
  });
  const cameras = cameraTiles(order.current, roster, slots);
  const tiles = [...screens, ...cameras];
  const hidden = others.length - cameras.length;
  const boxes = place(tiles, staged, hidden > 0, area);
  // Before the first layout there is nothing to say; afterwards the most that could be shown.
  const maxVideo = picturesFor(dataUse, staged.length + places - 1);

  useEffect(() => {
    if (area.width > 0) {
      session.setWants(pinnedTile === undefined ? [] : [pinnedTile.participant], maxVideo);
    }
  }, [session, maxVideo, pinnedTile?.participant, area.width > 0]);

  return (
    <main class="stage" aria-label={t.tiles} data-layout={wide ? 'stage' : 'grid'}>
      <div ref={ref} class="stage-area">
        <ul class="tiles">
          <SelfTile
            media={media}
            person={own === undefined ? undefined : roster.get(own)}
            speaking={own !== undefined && speakers.has(own)}
            box={boxes.own}
            quality={view.quality}
          />
          {tiles.map((tile) => (
            <TileView
              key={tile.key}
              session={session}
              tile={tile}
              maxHeight={linesFor(dataUse, tile.source)}
              paused={videoOff !== null && (tile.source === 'screen' || tile.person.publishing.camera)}
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
        {boxes.more !== undefined && (
          <button class="more" style={boxes.more} data-testid="more-button" onClick={onMore}>
            {t.more(hidden)}
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
