import type { SessionState } from '@firstbell/sdk';

import { useTexts, type Dictionary } from '../i18n';
import { Icon } from '../parts/icons';
import { refusalText } from './refusal';
import type { VideoOff } from './video-off';

interface ConnectionBannerProps {
  readonly state: SessionState;
  readonly videoOff: VideoOff;
  readonly onAgain: () => void;
}

/** Says what is wrong with the connection, and nothing while all is well. */
export function ConnectionBanner({ state, videoOff, onAgain }: ConnectionBannerProps) {
  const t = useTexts();
  const text = bannerText(t, state);
  const canAct = state.name === 'unreachable' || state.name === 'waiting' || state.name === 'reconnecting';
  return (
    <div class="banner-place" role="status">
      {text !== null && (
        <div class="banner" data-testid="connection-state">
          {state.name !== 'unreachable' && <span class="spinner spinner-small" aria-hidden="true" />}
          <span>{text}</span>
          {canAct && (
            <button class="button button-small" data-testid="try-again-button" onClick={onAgain}>
              {t.retryNow}
            </button>
          )}
        </div>
      )}
      {text === null && videoOff === 'line' && (
        <div class="banner banner-calm" data-testid="video-off">
          <Icon name="cameraOff" size={20} />
          <span>{t.videoOff}</span>
        </div>
      )}
    </div>
  );
}

function bannerText(t: Dictionary, state: SessionState): string | null {
  switch (state.name) {
    case 'joined':
      if (state.media === 'connected') return null;
      return state.media === 'connecting' ? t.mediaConnecting : t.mediaLost;
    case 'waiting':
      return refusalText(t, state.code)[0];
    case 'queued':
      return t.queued(state.position);
    case 'connecting':
    case 'reconnecting':
      return t.reconnecting;
    case 'unreachable':
      return `${t.unreachableTitle}. ${t.unreachableHint}`;
    case 'idle':
    case 'refused':
    case 'ended':
    case 'left':
      return null;
  }
}
