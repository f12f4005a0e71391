import { useEffect, useState } from 'preact/hooks';

import { useTexts, type Dictionary } from '../i18n';
import { Icon, type IconName } from '../parts/icons';
import { PageFrame } from '../parts/page-frame';

interface RefusalProps {
  /** An error code of the server, or `unreachable`. */
  readonly code: string;
  /** The page tries again by itself after this long. */
  readonly retryInMs?: number;
  readonly onAgain: () => void;
  readonly onStart: () => void;
}

/** Codes for which the same try would end the same way. */
const HOPELESS = new Set([
  'bad_token',
  'token_expired',
  'wrong_room',
  'not_permitted',
  'unsupported_media',
]);

/** Why the class cannot be entered, in words a teacher understands, and what to do. */
export function Refusal({ code, retryInMs, onAgain, onStart }: RefusalProps) {
  const t = useTexts();
  const [title, hint] = refusalText(t, code);
  return (
    <PageFrame>
      <main class="message" data-testid="refusal" data-code={code}>
        <Icon name={iconOf(code)} size={44} />
        <div role="alert">
          <h1>{title}</h1>
          <p>{hint}</p>
        </div>
        {retryInMs !== undefined && <Countdown key={retryInMs} ms={retryInMs} />}
        <div class="message-actions">
          {!HOPELESS.has(code) && (
            <button
              class="button button-primary"
              data-testid="try-again-button"
              onClick={onAgain}
            >
              {retryInMs === undefined ? t.tryAgain : t.retryNow}
            </button>
          )}
          <button class="button" onClick={onStart}>
            {t.backToStart}
          </button>
        </div>
        <p class="message-code">{t.errorCode(code)}</p>
      </main>
    </PageFrame>
  );
}

export function refusalText(t: Dictionary, code: string): readonly [string, string] {
  if (code === 'unreachable') return [t.unreachableTitle, t.unreachableHint];
  return t.refused[code] ?? t.refused.other;
}

function Countdown({ ms }: { ms: number }) {
  const t = useTexts();
  const [left, setLeft] = useState(Math.ceil(ms / 1000));
  useEffect(() => {
    const timer = setInterval(() => setLeft((seconds) => Math.max(0, seconds - 1)), 1000);
    return () => clearInterval(timer);
  }, []);
  return <p class="message-countdown">{t.retryIn(left)}</p>;
}

function iconOf(code: string): IconName {
  switch (code) {
    case 'room_full':
    case 'node_full':
      return 'people';
    case 'token_expired':
    case 'draining':
    case 'overloaded':
    case 'rate_limited':
      return 'clock';
    case 'wrong_room':
    case 'not_permitted':
    case 'replaced':
      return 'door';
    case 'unreachable':
    case 'timeout':
      return 'disconnected';
    default:
      return 'warning';
  }
}
