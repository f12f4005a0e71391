import type { Slot } from '@firstbell/sdk';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { useTexts } from '../i18n';
import { Icon } from '../parts/icons';

/** The voices: one audio element per audio slot, for as long as the connection lasts. */
export function Sounds({ slots }: { slots: readonly Slot[] }) {
  const t = useTexts();
  const place = useRef<HTMLDivElement>(null);
  const [blocked, setBlocked] = useState(false);

  const play = async (): Promise<void> => {
    const elements = [...(place.current?.querySelectorAll('audio') ?? [])];
    const results = await Promise.allSettled(elements.map((element) => element.play()));
    setBlocked(results.some(isBlocked));
  };
  // Any press lets the browser play, not only one on the button.
  useEffect(() => {
    if (!blocked) return undefined;
    const press = (): void => void play();
    document.addEventListener('pointerup', press);
    document.addEventListener('keyup', press);
    return () => {
      document.removeEventListener('pointerup', press);
      document.removeEventListener('keyup', press);
    };
  }, [blocked]);

  return (
    <>
      <div ref={place} class="sounds" aria-hidden="true">
        {slots
          .filter(({ kind }) => kind === 'audio')
          .map((slot) => (
            <Sound
              key={slot.stream.id}
              stream={slot.stream}
              participant={slot.shows?.participant}
              onBlocked={() => setBlocked(true)}
            />
          ))}
      </div>
      {blocked && (
        <div class="sound-blocked" role="alert">
          <Icon name="sound" />
          <span>{t.soundBlocked}</span>
          <button
            class="button button-primary"
            data-testid="unblock-audio-button"
            onClick={() => void play()}
          >
            {t.turnSoundOn}
          </button>
        </div>
      )}
    </>
  );
}

interface SoundProps {
  readonly stream: MediaStream;
  readonly participant: string | undefined;
  readonly onBlocked: () => void;
}

function Sound({ stream, participant, onBlocked }: SoundProps) {
  const ref = useRef<HTMLAudioElement>(null);
  useLayoutEffect(() => {
    const audio = ref.current;
    if (audio === null) return;
    audio.srcObject = stream;
    audio.play().catch((error: unknown) => {
      if (error instanceof Error && error.name === 'NotAllowedError') onBlocked();
    });
  }, [stream]);
  return <audio ref={ref} autoplay data-participant={participant} />;
}

function isBlocked(result: PromiseSettledResult<void>): boolean {
  return result.status === 'rejected' && (result.reason as Error).name === 'NotAllowedError';
}
