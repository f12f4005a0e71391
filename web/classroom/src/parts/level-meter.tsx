import { useEffect, useRef } from 'preact/hooks';

import { useTexts } from '../i18n';
import { watchLevel } from '../media/level';

const BARS = 16;

/** How loud the microphone is now. Without a track it shows silence. */
export function LevelMeter({ track }: { track: MediaStreamTrack | null }) {
  const t = useTexts();
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const meter = ref.current;
    if (meter === null) return undefined;
    const show = (level: number): void => {
      const lit = Math.round(level * BARS);
      if (meter.ariaValueNow === String(lit)) return;
      meter.ariaValueNow = String(lit);
      [...meter.children].forEach((bar, index) => bar.classList.toggle('lit', index < lit));
    };
    show(0);
    if (track === null) return undefined;
    const stop = watchLevel(track, show);
    return () => {
      stop();
      show(0);
    };
  }, [track]);
  return (
    <div
      ref={ref}
      class="level"
      role="meter"
      aria-label={t.microphoneLevel}
      aria-valuemin={0}
      aria-valuemax={BARS}
    >
      {Array.from({ length: BARS }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}
