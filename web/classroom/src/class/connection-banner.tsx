import type { SessionState, Turn } from '@firstbell/sdk';

import { useNow } from '../hooks';
import { useTexts, type Dictionary } from '../i18n';
import { Icon } from '../parts/icons';
import { refusalText } from './refusal';
import { waitText, waitUntil } from './turn-words';
import type { VideoOff } from './video-off';

interface ConnectionBannerProps {
  readonly state: SessionState;
  readonly turn: Turn | null;
  readonly videoOff: VideoOff;
  readonly onAgain: () => void;
}

/** Says what is wrong with the connection, and nothing while all is well. */
export function ConnectionBanner({ state, turn, videoOff, onAgain }: ConnectionBannerProps) {
  const t = useTexts();
  const text = turn === null ? bannerText(t, state) : null;
  const canAct = state.name === 'unreachable' || state.name === 'waiting' || state.name === 'reconnecting';
  return (
    <div class="banner-place" role="status">
      {turn !== null && <TurnBanner turn={turn} />}
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
      {text === null && turn === null && videoOff === 'line' && (
        <div class="banner banner-calm" data-testid="video-off">
          <Icon name="cameraOff" size={20} />
          <span>{t.videoOff}</span>
        </div>
      )}
    </div>
  );
}

/** Out of class and in line again. Without the number, which would be read out as often as it changes. */
function TurnBanner({ turn }: { turn: Turn }) {
  const t = useTexts();
  return (
    <div class="banner" data-testid="connection-state">
      <span class="spinner spinner-small" aria-hidden="true" />
      <span>{`${t.turn.title}. ${waitText(t, waitUntil(turn, useNow()))}`}</span>
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
