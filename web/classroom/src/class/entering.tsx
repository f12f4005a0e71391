import type { SessionState } from '@firstbell/sdk';

import { useTexts } from '../i18n';
import { PageFrame } from '../parts/page-frame';

/** On the way in: connecting, or in line. */
export function Entering({ state, onCancel }: { state: SessionState; onCancel: () => void }) {
  const t = useTexts();
  return (
    <PageFrame testId="entering">
      <main class="message">
        <span class="spinner" aria-hidden="true" />
        <p class="message-lead" role="status">
          {state.name === 'queued' ? t.queued(state.position) : t.connecting}
        </p>
        <div class="message-actions">
          <button class="button" onClick={onCancel}>
            {t.cancel}
          </button>
        </div>
      </main>
    </PageFrame>
  );
}
