import type { Person, Quality } from '@firstbell/sdk';
import { useMemo } from 'preact/hooks';

import { useDevices } from '../hooks';
import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icons';
import { Video } from '../parts/video';
import type { Box } from './layout';
import { QualityMark, qualityText } from './quality';

interface SelfTileProps {
  readonly media: LocalMedia;
  /** Unknown until the class answered. */
  readonly person: Person | undefined;
  readonly speaking: boolean;
  readonly box: Box | undefined;
  readonly quality: Quality | null;
}

/** The person's own picture, straight from the camera. */
export function SelfTile({ media, person, speaking, box, quality }: SelfTileProps) {
  const t = useTexts();
  const { camera, microphone } = useDevices(media);
  const track = camera.on ? camera.track : null;
  const stream = useMemo(() => (track === null ? null : new MediaStream([track])), [track]);
  return (
    <li
      class="tile tile-self"
      data-testid="self-tile"
      data-participant={person?.participant}
      data-speaking={speaking && microphone.on}
      data-video={stream === null ? 'off' : 'on'}
      data-quality={quality?.level}
      hidden={box === undefined}
      style={box}
    >
      <Avatar participant={person?.participant ?? ''} name={person?.name ?? t.you} />
      <Video stream={stream} label={t.previewLabel} mirrored />
      <span class="tile-name">
        {!microphone.on && (
          <>
            <Icon name="microphoneOff" size={16} />
            <span class="visually-hidden">{t.microphoneOff}</span>
          </>
        )}
        <span class="tile-label">{t.you}</span>
        {quality !== null && <QualityMark level={quality.level} title={qualityText(t, quality)} />}
      </span>
    </li>
  );
}
