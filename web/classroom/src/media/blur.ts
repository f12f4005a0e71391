/**
 * Background blur as the browser and the system do it (Media Capture Extensions, `backgroundBlur`):
 * in the camera's own pipeline, with nothing loaded and nothing computed by the page.
 */

/** `fixed`: the person switched it on or off in the system, for all programs. */
export type Blur = 'choice' | 'fixed' | 'none';

type Blurring = MediaTrackCapabilities & { readonly backgroundBlur?: readonly boolean[] };

export function blurOf(track: MediaStreamTrack | null): Blur {
  const { backgroundBlur } = (track?.getCapabilities?.() ?? {}) as Blurring;
  if (backgroundBlur === undefined || backgroundBlur.length === 0) return 'none';
  return new Set(backgroundBlur).size === 2 ? 'choice' : 'fixed';
}

/** Does nothing where it is not the person's choice. */
export async function applyBlur(track: MediaStreamTrack, on: boolean): Promise<void> {
  if (blurOf(track) !== 'choice') return;
  await track.applyConstraints({ ...track.getConstraints(), backgroundBlur: on } as MediaTrackConstraints);
}
