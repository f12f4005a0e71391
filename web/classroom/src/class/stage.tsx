import type { Session } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useSize, type ClassView } from '../hooks';
import { useTexts } from '../i18n';
import { linesFor, type DataUse } from '../media/data-use';
import type { LocalMedia } from '../media/local-media';
import { SelfTile } from './self-tile';
import { planStage } from './stage-plan';
import { TileView } from './tile-view';
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
  const { roster, slots, speakers, quality } = view;
  const own = session.participant;
  const dark = videoOff !== null;
  const before = order.current;
  const plan = planStage({ roster, slots, speakers, own, pinned, dark, dataUse, area, before });
  order.current = plan.order;
  const { tiles, staged, boxes, wants } = plan;

  // Before the first layout there is nothing to say; afterwards the most that could be shown.
  useEffect(() => {
    if (area.width > 0) {
      session.setWants(wants.pinned === undefined ? [] : [wants.pinned], wants.maxVideo);
    }
  }, [session, wants.maxVideo, wants.pinned, area.width > 0]);

  return (
    <main class="stage" aria-label={t.tiles} data-layout={staged.length > 0 ? 'stage' : 'grid'}>
      <div ref={ref} class="stage-area">
        <ul class="tiles">
          <SelfTile
            media={media}
            person={own === undefined ? undefined : roster.get(own)}
            speaking={own !== undefined && speakers.has(own)}
            box={boxes.own}
            quality={quality}
          />
          {tiles.map((tile) => (
            <TileView
              key={tile.key}
              session={session}
              tile={tile}
              maxHeight={linesFor(dataUse, tile.source)}
              paused={dark && (tile.source === 'screen' || tile.person.publishing.camera)}
              box={boxes.of.get(tile.key)}
              large={staged.includes(tile.key)}
              speaking={speakers.has(tile.person.participant)}
              pinned={tile.key === pinned}
              onPin={() => setPinned(tile.key === pinned ? undefined : tile.key)}
            />
          ))}
        </ul>
        {plan.alone && boxes.alone !== undefined && (
          <div class="alone" style={boxes.alone}>
            <p class="alone-title">{t.alone}</p>
            <p>{t.aloneHint}</p>
          </div>
        )}
        {boxes.more !== undefined && (
          <button class="more" style={boxes.more} data-testid="more-button" onClick={onMore}>
            {t.more(plan.hidden)}
          </button>
        )}
      </div>
    </main>
  );
}
