import type { ServiceLevel } from '@firstbell/sdk';

import type { ClassView } from '../hooks';
import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import type { ScreenShare } from '../media/screen-share';
import { DeviceWarnings } from '../parts/device-warnings';
import { Icon } from '../parts/icons';
import type { VideoOff } from './video-off';

interface NoticesProps {
  readonly view: ClassView;
  readonly media: LocalMedia;
  readonly screen: ScreenShare;
  readonly videoOff: VideoOff;
  /** What the node cannot give now. */
  readonly service: ServiceLevel | null;
  /** The person wants to see the others after all. */
  readonly onPictures: () => void;
}

/** What the person should know, above the bar: own screen, devices, formats. */
export function Notices({ view, media, screen, videoOff, service, onPictures }: NoticesProps) {
  const t = useTexts();
  // A newer node may have a level that this page does not know.
  const reduced = service === null ? undefined : t.service[service];
  return (
    <div class="class-notices">
      {screen.live && (
        <p class="notice notice-share" role="status">
          <Icon name="screen" size={20} />
          <span>{t.yourScreen}</span>
          <button class="button button-small" onClick={screen.stop}>
            {t.stopScreen}
          </button>
        </p>
      )}
      {videoOff === 'chosen' && (
        <p class="notice notice-calm" role="status" data-testid="sound-only">
          <Icon name="sound" size={20} />
          <span>{t.soundOnly}</span>
          <button class="button button-small" onClick={onPictures}>
            {t.showPictures}
          </button>
        </p>
      )}
      {reduced !== undefined && (
        <p class="notice notice-calm" role="status" data-testid="service" data-level={service}>
          <Icon name="clock" size={20} />
          <span>{service === 'audio_first' ? reduced : `${reduced} ${t.serviceBack}`}</span>
        </p>
      )}
      {screen.problem !== null && (
        <p class="notice" role="alert">
          <Icon name="warning" size={20} />
          <span>{screen.problem === 'unsupported' ? t.screenUnsupported : t.screenFailed}</span>
        </p>
      )}
      {view.warnings.map((warning) => (
        <p key={warning} class="notice" role="alert" data-testid="warning" data-code={warning}>
          <Icon name="warning" size={20} />
          <span>{warning === 'video_codec_unsupported' ? t.warnVideo : t.warnAudio}</span>
        </p>
      ))}
      <DeviceWarnings media={media} dismissable />
    </div>
  );
}
