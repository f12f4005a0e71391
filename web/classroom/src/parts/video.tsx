import { useLayoutEffect, useRef } from 'preact/hooks';

interface VideoProps {
  readonly stream: MediaStream | null;
  readonly label: string;
  /** People expect to see themselves as in a mirror. */
  readonly mirrored?: boolean;
  readonly testId?: string;
}

/** Plays a stream's picture. Always muted: sound goes through the class's audio elements. */
export function Video({ stream, label, mirrored = false, testId }: VideoProps) {
  const ref = useRef<HTMLVideoElement>(null);
  useLayoutEffect(() => {
    const video = ref.current;
    if (video === null || video.srcObject === stream) return;
    video.srcObject = stream;
    if (stream !== null) video.play().catch(() => undefined);
  }, [stream]);
  return (
    <video
      ref={ref}
      class={mirrored ? 'video mirrored' : 'video'}
      aria-label={label}
      autoplay
      playsinline
      muted
      disablePictureInPicture
      data-testid={testId}
      // Shown from the first frame on: until then the initials below stay visible.
      onLoadedData={(event) => (event.currentTarget.dataset.frames = 'true')}
      onEmptied={(event) => delete event.currentTarget.dataset.frames}
    />
  );
}
