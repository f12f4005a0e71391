import { observeTile, type Session } from '@firstbell/sdk';
import { useEffect, useRef } from 'preact/hooks';

import { useTexts } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icons';
import { Video } from '../parts/video';
import type { Box } from './layout';
import { QualityMark } from './quality';
import type { Tile } from './tiles';

interface TileViewProps {
  readonly session: Session;
  readonly tile: Tile;
  /** In how many lines the picture is asked for at most. */
  readonly maxHeight: number;
  /** There would be a picture if pictures came. */
  readonly paused: boolean;
  /** `undefined`: no place for it. */
  readonly box: Box | undefined;
  readonly large: boolean;
  readonly speaking: boolean;
  readonly pinned: boolean;
  readonly onPin: () => void;
}

/** Somebody else's camera or screen. */
export function TileView(props: TileViewProps) {
  const t = useTexts();
  const { session, tile, maxHeight, paused, box, large, speaking, pinned, onPin } = props;
  const { person, source, slot } = tile;
  const { participant } = person;
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (element.current === null) return undefined;
    return observeTile(session, element.current, participant, source, { maxHeight });
  }, [session, participant, source, maxHeight]);
  const isScreen = source === 'screen';
  const label = isScreen ? t.screenOf(person.name) : person.name;
  return (
    <li
      ref={element}
      class="tile"
      data-testid="tile"
      data-participant={participant}
      data-source={source}
      data-speaking={!isScreen && speaking}
      data-video={slot === null ? 'off' : 'on'}
      data-present={person.present}
      data-large={large}
      hidden={box === undefined}
      style={box}
    >
      {!isScreen && <Avatar participant={participant} name={person.name} />}
      <Video stream={slot?.stream ?? null} label={label} />
      {!person.present && (
        <span class="tile-note">
          <Icon name="disconnected" size={20} />
          {t.absent}
        </span>
      )}
      {person.present && paused && (
        <span class="tile-note tile-note-high" data-testid="tile-paused">
          <Icon name="cameraOff" size={18} />
          <span>{t.videoOffHere}</span>
        </span>
      )}
      <TileName tile={tile} label={label} speaking={speaking} />
      <TileActions label={label} fullScreen={isScreen} pinned={pinned} onPin={onPin} />
    </li>
  );
}

function TileName({ tile, label, speaking }: { tile: Tile; label: string; speaking: boolean }) {
  const t = useTexts();
  const { person, source } = tile;
  if (source === 'screen') {
    return (
      <span class="tile-name">
        <Icon name="screen" size={16} />
        <span class="tile-label">{label}</span>
      </span>
    );
  }
  return (
    <span class="tile-name">
      {!person.publishing.microphone && (
        <>
          <Icon name="microphoneOff" size={16} />
          <span class="visually-hidden">{t.microphoneOff}</span>
        </>
      )}
      {speaking && person.publishing.microphone && (
        <>
          <Icon name="sound" size={16} />
          <span class="visually-hidden">{t.speaking}</span>
        </>
      )}
      <span class="tile-label">{label}</span>
      {person.present && <QualityMark level={person.line} />}
    </span>
  );
}

interface TileActionsProps {
  readonly label: string;
  readonly fullScreen: boolean;
  readonly pinned: boolean;
  readonly onPin: () => void;
}

function TileActions({ label, fullScreen, pinned, onPin }: TileActionsProps) {
  const t = useTexts();
  return (
    <span class="tile-actions">
      {fullScreen && document.fullscreenEnabled && (
        <button
          class="icon-button"
          aria-label={t.fullScreen(label)}
          title={t.fullScreen(label)}
          onClick={(event) => {
            const video = event.currentTarget.closest('.tile')?.querySelector('video');
            video?.requestFullscreen().catch(() => undefined);
          }}
        >
          <Icon name="expand" size={18} />
        </button>
      )}
      <button
        class="icon-button"
        aria-label={pinned ? t.unpin(label) : t.pin(label)}
        aria-pressed={pinned}
        title={pinned ? t.unpin(label) : t.pin(label)}
        onClick={onPin}
      >
        <Icon name="pin" size={18} />
      </button>
    </span>
  );
}
