import type { ParticipantId, Request, Tile, VideoSource } from './protocol';
import type { Roster } from './roster';

/**
 * The heights that are told. Those between the sizes in which cameras are sent only make it clear
 * which of two is nearer; finer steps would tell of every pixel of a window that is being resized.
 */
const HEIGHTS = [90, 180, 270, 360, 540, 720, 1080, 1440, 2160] as const;
/** A picture may be stretched by this much before the next larger one is worth its bits. */
const STRETCH = 1.25;

/** Changes of tiles come many at once: they are gathered this long, */
const GATHER_MS = 50;
/** and told this often at most. */
const INTERVAL_MS = 500;
/** The server takes no more. Beyond that the first visible ones are told, then the first hidden. */
const MAX_TILES = 64;

type Wants = Extract<Request, { type: 'wants' }>;

/** What this client wishes to see. Kept over reconnects, and told as a whole. */
export class Wishes {
  readonly #tell: (wants: Wants) => void;
  #pinned: readonly ParticipantId[] = [];
  #maxVideo: number | undefined;
  readonly #tiles = new Map<string, Tile>();
  #toldAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `tell` sends wants, or drops them while there is no server; then `repeat` is for later. */
  constructor(tell: (wants: Wants) => void) {
    this.#tell = tell;
  }

  /** Whose pictures to show first, and at most how many. Told at once: somebody pressed a button. */
  set(pinned: readonly ParticipantId[], maxVideo: number | undefined): void {
    this.#pinned = [...pinned];
    this.#maxVideo = maxVideo;
    this.#tellNow();
  }

  /** `pixels` high is the track shown now; 0: not to be seen; `null`: nothing is known. */
  show(participant: ParticipantId, source: VideoSource, pixels: number | null): void {
    const key = `${source} ${participant}`;
    if (pixels === null) {
      if (this.#tiles.delete(key)) this.#tellSoon();
      return;
    }
    const height = tileHeight(pixels);
    if (this.#tiles.get(key)?.height === height) return;
    this.#tiles.set(key, { participant, source, height });
    this.#tellSoon();
  }

  /** Forgets the tiles of people who are not here any more; the server did so itself. */
  keepOnly(roster: Roster): void {
    for (const [key, { participant }] of this.#tiles) {
      if (!roster.has(participant)) this.#tiles.delete(key);
    }
  }

  /** Tells a server that has forgotten. */
  repeat(): void {
    const none = this.#pinned.length === 0 && this.#maxVideo === undefined;
    if (!none || this.#tiles.size > 0) this.#tellNow();
  }

  /** Nothing is told any more until the next wish. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tellSoon(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(GATHER_MS, this.#toldAt + INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => this.#tellNow(), wait);
  }

  #tellNow(): void {
    this.stop();
    this.#toldAt = performance.now();
    this.#tell({
      type: 'wants',
      pinned: [...this.#pinned],
      ...(this.#maxVideo === undefined ? {} : { max_video: this.#maxVideo }),
      tiles: mostImportant([...this.#tiles.values()]),
    });
  }
}

/** The height to tell for a picture `pixels` high. */
export function tileHeight(pixels: number): number {
  if (!(pixels > 0)) return 0;
  return HEIGHTS.find((height) => pixels <= height * STRETCH) ?? HEIGHTS[HEIGHTS.length - 1] ?? 0;
}

function mostImportant(tiles: readonly Tile[]): Tile[] {
  const visible = tiles.filter(({ height }) => height > 0);
  const hidden = tiles.filter(({ height }) => height === 0);
  return [...visible, ...hidden].slice(0, MAX_TILES);
}
