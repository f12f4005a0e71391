import { isFinal, type Session } from '@firstbell/sdk';
import { useEffect, useState } from 'preact/hooks';

import { fetchDevToken } from '../api';
import { useSession } from '../hooks';
import type { LocalMedia } from '../media/local-media';
import { publishDevices } from '../media/publish';
import { canRenew, type Place } from '../place';
import { Classroom } from './classroom';
import { Entering } from './entering';
import { Refusal } from './refusal';

interface ClassScreenProps {
  readonly session: Session;
  readonly place: Place;
  readonly media: LocalMedia;
  readonly onLeft: () => void;
  /** The same place with another token. */
  readonly onMove: (place: Place) => void;
  readonly onStart: () => void;
}

/** One stay in one class: the way in, the class, and what to say when it does not work. */
export function ClassScreen({ session, place, media, onLeft, onMove, onStart }: ClassScreenProps) {
  const view = useSession(session);
  const { state, turn, entered } = view;

  useEffect(() => {
    const stop = publishDevices(session, media);
    session.connect(place.room, place.token);
    return () => {
      stop();
      session.leave();
      media.release();
    };
  }, [session]);

  // No camera light while there is no class.
  const over = state.name !== 'idle' && isFinal(state);
  useEffect(() => {
    if (over) media.release();
    else media.open();
  }, [over]);

  useEffect(() => {
    document.title = `${place.room} · Firstbell`;
    return () => {
      document.title = 'Firstbell';
    };
  }, [place.room]);

  const [renewFailed, setRenewFailed] = useState(false);
  const renewing =
    !renewFailed && state.name === 'refused' && canRenew(place, state.code, entered);
  useEffect(() => {
    if (!renewing || place.dev === undefined) return;
    fetchDevToken(place.dev).then(
      (token) => onMove({ ...place, token, renewed: true }),
      () => setRenewFailed(true),
    );
  }, [renewing]);

  const again = (): void => {
    if (isFinal(session.state)) session.connect(place.room, place.token);
    else session.retryNow();
  };

  switch (state.name) {
    case 'refused':
    case 'ended':
      if (renewing) return <Entering turn={null} onCancel={onStart} />;
      return <Refusal code={state.code} onAgain={again} onStart={onStart} />;
    case 'unreachable':
      if (entered) break;
      return <Refusal code="unreachable" onAgain={again} onStart={onStart} />;
    case 'waiting':
      if (entered) break;
      if (turn !== null) return <Entering turn={turn} onCancel={onStart} />;
      return (
        <Refusal
          code={state.code}
          retryInMs={state.retryInMs}
          onAgain={again}
          onStart={onStart}
        />
      );
    case 'idle':
    case 'connecting':
    case 'queued':
    case 'reconnecting':
      if (entered) break;
      return <Entering turn={turn} onCancel={onStart} />;
    case 'joined':
    case 'left':
      break;
  }
  return (
    <Classroom
      session={session}
      view={view}
      room={place.room}
      media={media}
      onAgain={again}
      onLeave={onLeft}
    />
  );
}
