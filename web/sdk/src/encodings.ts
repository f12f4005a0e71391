import type { TrackSource, VideoSource } from './protocol';

/**
 * How each source is encoded: pure decisions, applied by `VideoSender`.
 *
 * A camera is sent in up to three sizes and a screen in two (simulcast), so that the node can give
 * each receiver what fits its line and its tile. RIDs name the places from the smallest encoding
 * to the largest. They are fixed for a connection; what size stands behind them follows the
 * capture, and the node measures it.
 */
export const RIDS: Readonly<Record<VideoSource, readonly string[]>> = {
  camera: ['q', 'h', 'f'],
  screen: ['h', 'f'],
};

/** A picture as it is captured, in pixels. */
export interface Capture {
  readonly width: number;
  readonly height: number;
}

/** The encodings that somebody watches, by RID; `all` until the node says something. */
export type Watched = 'all' | ReadonlySet<string>;

export interface SendOptions {
  /** Several sizes of a picture at once. Default: true. */
  readonly simulcast?: boolean;
  /** Of a shared screen. Text needs 5, what moves 15 or more. Default: 15. */
  readonly screenFramerate?: number;
}

/**
 * Speech and the sound of a screen. In-band FEC is asked for by the answer's `useinbandfec`
 * (RFC 7587 §6.1), redundancy by RED in front (see `codecs.ts`). DTX is not wanted: a microphone
 * that is switched off sends nothing anyway, and one that is on must be heard from the first
 * syllable; the node finds speakers by the level in every packet.
 */
const AUDIO_BITRATE = { microphone: 40_000, screen_audio: 96_000 } as const;

/** Faces do not gain from more. */
const CAMERA_FRAMERATE = 24;
const SCREEN_FRAMERATE = 15;
/** The small screen is for narrow lines: text that comes late rather than blurred. */
const SMALL_SCREEN = { maxBitrate: 250_000, maxFramerate: 5 };
const SCREEN_BITRATE = 2_000_000;

/** What a 720p camera may use; each halving of the height needs about a third. */
const CAMERA_BITRATE = { lines: 720, bits: 1_200_000, exponent: 1.66, most: 2_500_000 };

/**
 * From this many pixels on that many sizes of a camera are sent. Chromium silently drops the
 * largest encodings of a capture below these, so that the small captures use the first places.
 */
const CAMERA_LAYERS = [
  { pixels: 960 * 540, layers: 3 },
  { pixels: 480 * 270, layers: 2 },
];
/** A camera that everybody gets in one size is no larger than this: most see it in a small tile. */
const LINES_FOR_ALL = 360;
/** Half of a smaller screen could not be read. */
const SCREEN_LAYERS_LINES = 540;

/** The encodings of a new sender. All are active: the offer then names none as paused. */
export function initialEncodings(
  source: TrackSource,
  options: SendOptions = {},
): RTCRtpEncodingParameters[] {
  if (source === 'microphone' || source === 'screen_audio') {
    const maxBitrate = AUDIO_BITRATE[source];
    return [{ maxBitrate, priority: 'high', networkPriority: 'high' }];
  }
  const rids = options.simulcast === false ? [undefined] : RIDS[source];
  const encodings = encodingsFor(source, { rids, capture: undefined, watched: 'all' }, options);
  return encodings.map(({ rid, ...encoding }, place) => ({
    ...(rid === undefined ? {} : { rid }),
    ...encoding,
    // Of the whole sender: Chromium takes no connection in which another encoding has one.
    ...(place === 0 && source === 'screen' ? { priority: 'medium' as const } : {}),
  }));
}

export interface Situation {
  /** Of the sender's encodings; a single one without RID is no simulcast. */
  readonly rids: readonly (string | undefined)[];
  /** `undefined`: not known; then it is taken for a large one. */
  readonly capture: Capture | undefined;
  readonly watched: Watched;
  /** Several sizes were offered, and the node took one. */
  readonly declined?: boolean;
}

export interface Encoding {
  readonly rid: string | undefined;
  readonly active: boolean;
  readonly scaleResolutionDownBy: number;
  readonly maxBitrate: number;
  readonly maxFramerate: number;
}

/** What each encoding of a sender should be now. */
export function encodingsFor(
  source: VideoSource,
  { rids, capture, watched, declined = false }: Situation,
  options: SendOptions = {},
): readonly Encoding[] {
  const used = Math.min(rids.length, layersOf(source, capture));
  return rids.map((rid, place) => {
    const scaleResolutionDownBy =
      declined && source === 'camera'
        ? Math.max(1, linesOf(capture) / LINES_FOR_ALL)
        : 2 ** Math.max(0, used - 1 - place);
    const lines = linesOf(capture) / scaleResolutionDownBy;
    return {
      rid,
      active: place < used && isWatched(rids, place, used, watched),
      scaleResolutionDownBy,
      ...(source === 'camera'
        ? { maxBitrate: cameraBitrate(lines), maxFramerate: CAMERA_FRAMERATE }
        : screenRates(scaleResolutionDownBy, options)),
    };
  });
}

/** Those of `rids` that a sender with these RIDs has; `undefined` if it has none of them. */
export function knownRids(
  rids: readonly string[],
  own: readonly (string | undefined)[],
): ReadonlySet<string> | undefined {
  const known = own.length > 1 ? rids.filter((rid) => own.includes(rid)) : rids;
  return known.length === 0 && rids.length > 0 ? undefined : new Set(known);
}

/** A larger encoding than there is of this capture means the largest there is. */
function isWatched(
  rids: readonly (string | undefined)[],
  place: number,
  used: number,
  watched: Watched,
): boolean {
  if (watched === 'all') return true;
  if (rids.length === 1) return watched.size > 0;
  const meant = place === used - 1 ? rids.slice(place) : [rids[place]];
  return meant.some((rid) => rid !== undefined && watched.has(rid));
}

function layersOf(source: VideoSource, capture: Capture | undefined): number {
  if (capture === undefined) return RIDS[source].length;
  if (source === 'screen') return linesOf(capture) >= SCREEN_LAYERS_LINES ? 2 : 1;
  const pixels = capture.width * capture.height;
  return CAMERA_LAYERS.find((row) => pixels >= row.pixels)?.layers ?? 1;
}

/** The shorter side: a phone held upright has as much of a face as one held across. */
function linesOf(capture: Capture | undefined): number {
  return capture === undefined ? CAMERA_BITRATE.lines : Math.min(capture.width, capture.height);
}

function cameraBitrate(lines: number): number {
  const { lines: full, bits, exponent, most } = CAMERA_BITRATE;
  const exact = Math.min(most, bits * (lines / full) ** exponent);
  return Math.max(1, Math.round(exact / 10_000)) * 10_000;
}

function screenRates(scale: number, { screenFramerate = SCREEN_FRAMERATE }: SendOptions) {
  if (scale === 1) return { maxBitrate: SCREEN_BITRATE, maxFramerate: screenFramerate };
  const { maxBitrate, maxFramerate } = SMALL_SCREEN;
  return { maxBitrate, maxFramerate: Math.min(maxFramerate, screenFramerate) };
}
