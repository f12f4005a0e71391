import type { Session } from '@firstbell/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useTexts } from '../i18n';
import { announcements } from './announce';

interface AnnouncerProps {
  readonly session: Session;
  readonly microphoneOn: boolean;
  /** The banner says when pictures go, nothing else says when they are back. */
  readonly videoOff: boolean;
  /** A notice says what the node cannot give, nothing else says when it can again. */
  readonly reduced: boolean;
}

/**
 * Tells screen readers who comes, goes and shares, what the microphone does, and that pictures are
 * back.
 */
export function Announcer({ session, microphoneOn, videoOff, reduced }: AnnouncerProps) {
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
  const wasOff = useRef(videoOff);
  useEffect(() => {
    if (wasOff.current && !videoOff) setSaid(texts.current.saidVideoBack);
    wasOff.current = videoOff;
  }, [videoOff]);
  const wasReduced = useRef(reduced);
  useEffect(() => {
    // Gone for another reason, it is not back: what is worse is said elsewhere.
    const all = session.room?.service === undefined && session.state.name === 'joined';
    if (wasReduced.current && !reduced && all) setSaid(texts.current.saidServiceBack);
    wasReduced.current = reduced;
  }, [reduced]);

  return (
    <div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {said}
    </div>
  );
}
