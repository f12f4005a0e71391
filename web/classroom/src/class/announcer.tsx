import type { Session } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useTexts } from '../i18n';
import { announcements } from './announce';

/** Tells screen readers who comes, goes and shares, and what the microphone does. */
export function Announcer({ session, microphoneOn }: { session: Session; microphoneOn: boolean }) {
  const t = useTexts();
  const [said, setSaid] = useState('');
  const before = useRef(session.roster);
  const texts = useRef(t);
  texts.current = t;

  useEffect(
    () =>
      session.on('roster', (delta) => {
        const sentences = announcements(texts.current, before.current, delta, session.participant);
        before.current = session.roster;
        if (sentences.length > 0) setSaid(sentences.join('. '));
      }),
    [session],
  );
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else setSaid(microphoneOn ? texts.current.saidUnmuted : texts.current.saidMuted);
  }, [microphoneOn]);

  return (
    <div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {said}
    </div>
  );
}
