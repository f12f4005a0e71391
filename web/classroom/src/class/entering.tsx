import type { Turn } from '@firstbell/sdk';

import { useNow } from '../hooks';
import { useTexts } from '../i18n';
import { CalmStatus } from '../parts/calm-status';
import { Icon } from '../parts/icons';
import { PageFrame } from '../parts/page-frame';
import { placeText, waitText, waitUntil } from './turn-words';

interface EnteringProps {
  /** Of somebody who has to wait for it. */
  readonly turn: Turn | null;
  readonly onCancel: () => void;
}

/** On the way in: connecting, or in line. */
export function Entering({ turn, onCancel }: EnteringProps) {
  const t = useTexts();
  return (
    <PageFrame testId="entering">
      <main class="message">
        {turn === null ? (
          <>
            <span class="spinner" aria-hidden="true" />
            <p class="message-lead" role="status">
              {t.connecting}
            </p>
          </>
        ) : (
          <InLine turn={turn} />
        )}
        <div class="message-actions">
          <button class="button" onClick={onCancel}>
            {t.cancel}
          </button>
        </div>
      </main>
    </PageFrame>
  );
}

function InLine({ turn }: { turn: Turn }) {
  const t = useTexts();
  const place = placeText(t, turn.position);
  const wait = waitText(t, waitUntil(turn, useNow()));
  const lines = place === null ? [wait] : [place, wait];
  return (
    <>
      <Icon name="clock" size={44} />
      <h1>{t.turn.title}</h1>
      <div class="turn" data-testid="turn" data-position={turn.position}>
        {lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
      </div>
      <p>{t.turn.kept}</p>
      <CalmStatus text={[t.turn.title, ...lines, t.turn.kept].join(' ')} testId="turn-said" />
    </>
  );
}
