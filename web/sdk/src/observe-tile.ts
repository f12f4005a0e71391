import type { ParticipantId, VideoSource } from './protocol';

/** Who is told of tiles: a `Session`. */
export interface TileListener {
  showTile(participant: ParticipantId, source: VideoSource, height: number | null): void;
}

export interface TileOptions {
  /** The track is not asked for in more lines than this, however large it is shown. */
  readonly maxHeight?: number;
}

/** A page that is out of sight this long needs no pictures: who only looks something up does. */
const OUT_OF_SIGHT_MS = 2_000;
/** More pixels than this for each of the page's would not be seen on the small screens that have them. */
const MAX_PIXEL_RATIO = 2;

/**
 * Tells `session` how large `element` shows a track, from now until the returned function is
 * called: by its size, whether it is scrolled into view and whether the page is seen at all.
 *
 * Cameras are taken to fill the element and screens to fit into it, as `object-fit: cover` and
 * `contain` do.
 */
export function observeTile(
  session: TileListener,
  element: Element,
  participant: ParticipantId,
  source: VideoSource,
  { maxHeight = Infinity }: TileOptions = {},
): () => void {
  let size = { width: 0, height: 0 };
  let inView = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const report = (): void => {
    clearTimeout(timer);
    const seen = inView && document.visibilityState !== 'hidden';
    const ratio = Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio);
    const height = seen ? pictureHeight(source, size) * ratio : 0;
    session.showTile(participant, source, Math.min(maxHeight, height));
  };
  const turned = (): void => {
    clearTimeout(timer);
    if (document.visibilityState === 'hidden') timer = setTimeout(report, OUT_OF_SIGHT_MS);
    else report();
  };
  const resize = new ResizeObserver((entries) => {
    const entry = entries.at(-1);
    if (entry === undefined) return;
    size = { width: entry.contentRect.width, height: entry.contentRect.height };
    // While the page turns away its tiles keep their time.
    if (document.visibilityState !== 'hidden') report();
  });
  const intersection = new IntersectionObserver((entries) => {
    const entry = entries.at(-1);
    if (entry === undefined) return;
    inView = entry.isIntersecting;
    if (document.visibilityState !== 'hidden') report();
  });
  resize.observe(element);
  intersection.observe(element);
  document.addEventListener('visibilitychange', turned);
  return () => {
    clearTimeout(timer);
    resize.disconnect();
    intersection.disconnect();
    document.removeEventListener('visibilitychange', turned);
    session.showTile(participant, source, null);
  };
}

/** How high a picture stands in an element of this size, in the element's own pixels. */
function pictureHeight(
  source: VideoSource,
  { width, height }: { width: number; height: number },
): number {
  // A screen may be 4:3: rather a little more than text that cannot be read.
  return source === 'screen' ? Math.min(height, (width * 3) / 4) : Math.max(height, (width * 9) / 16);
}
