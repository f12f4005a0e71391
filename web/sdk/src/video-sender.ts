import {
  encodingsFor,
  knownRids,
  type Capture,
  type Encoding,
  type SendOptions,
  type Watched,
} from './encodings';
import type { VideoSource } from './protocol';

/**
 * An encoding that nobody watches any more goes on this long: who turns a page and back, or is
 * shown by others in turn, costs no keyframe each time. One that somebody begins to watch starts
 * at once.
 */
const LINGER_MS = 1_000;

/** What a picture loses first when the computer is too slow. */
const DEGRADATION: Readonly<Record<VideoSource, RTCDegradationPreference>> = {
  camera: 'maintain-framerate',
  screen: 'maintain-resolution',
};

/**
 * One sending m-line with a picture: the only owner of its track and of what its encodings are.
 *
 * The browser's calls take time and must not overlap, so they are queued; each looks at the state
 * when its turn comes, and what was wanted in between is never applied.
 */
export class VideoSender {
  readonly #source: VideoSource;
  readonly #sender: RTCRtpSender;
  readonly #options: SendOptions;
  /** Encodings in the offer. */
  readonly #offered: number;
  /** As the node last said. */
  #watched: Watched = 'all';
  /** The same, and what lingers. */
  #sent: Watched = 'all';
  #negotiated = false;
  #closed = false;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(source: VideoSource, sender: RTCRtpSender, options: SendOptions) {
    this.#source = source;
    this.#sender = sender;
    this.#options = options;
    this.#offered = sender.getParameters().encodings.length;
  }

  /** The answer is applied: the browser knows how many encodings the node takes. */
  negotiated(): void {
    this.#negotiated = true;
    void this.#enqueue(() => this.#adjust(this.#sender.track));
  }

  /** Sends `track` from now on; `null`: nothing. The encodings fit it before its first picture. */
  replace(track: MediaStreamTrack | null): Promise<void> {
    return this.#enqueue(async () => {
      if (track !== null) {
        // A page that knows better what its picture shows has said so.
        if (track.contentHint === '') {
          track.contentHint = this.#source === 'screen' ? 'detail' : 'motion';
        }
        await this.#adjust(track);
      }
      if (!this.#closed) await this.#sender.replaceTrack(track);
    });
  }

  /**
   * Only the encodings in `rids` are watched; none: nobody watches at all. What names none of ours
   * is for another connection, and says nothing.
   */
  watch(rids: readonly string[]): void {
    const own = this.#sender.getParameters().encodings.map(({ rid }) => rid);
    const known = knownRids(rids, own);
    if (known === undefined || this.#closed) return;
    this.#watched = known;
    this.#sent = union(this.#sent, known);
    void this.#enqueue(() => this.#adjust(this.#sender.track));
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => {
      this.#sent = this.#watched;
      void this.#enqueue(() => this.#adjust(this.#sender.track));
    }, LINGER_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#linger);
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => (this.#closed ? undefined : work()));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** Brings the browser's encodings to what they should be for `track`, if they are not. */
  async #adjust(track: MediaStreamTrack | null): Promise<void> {
    // Before the answer the offer would name paused encodings, and the node may take fewer.
    if (!this.#negotiated || track === null) return;
    const parameters = this.#sender.getParameters();
    const wanted = encodingsFor(
      this.#source,
      {
        rids: parameters.encodings.map(({ rid }) => rid),
        // Asked each time: a shared window may have another size by now.
        capture: captureOf(track),
        watched: this.#sent,
        declined: parameters.encodings.length < this.#offered,
      },
      this.#options,
    );
    const same = parameters.encodings.every((encoding, place) => isLike(encoding, wanted[place]));
    if (same) return;
    parameters.encodings.forEach((encoding, place) => {
      const { rid: _, ...changes } = wanted[place] ?? {};
      Object.assign(encoding, changes);
    });
    parameters.degradationPreference = DEGRADATION[this.#source];
    try {
      await this.#sender.setParameters(parameters);
    } catch {
      // A connection that closes, or a browser that cannot: it goes on with what it had, and the
      // next change tries again.
    }
  }
}

function captureOf(track: MediaStreamTrack): Capture | undefined {
  const { width, height } = track.getSettings();
  return width === undefined || height === undefined ? undefined : { width, height };
}

function union(a: Watched, b: Watched): Watched {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}

/** A browser leaves out what it does not support: that is no difference. */
function isLike(now: RTCRtpEncodingParameters, wanted: Encoding | undefined): boolean {
  if (wanted === undefined) return true;
  return (
    now.active === wanted.active &&
    (now.scaleResolutionDownBy ?? 1) === wanted.scaleResolutionDownBy &&
    now.maxBitrate === wanted.maxBitrate &&
    (now.maxFramerate === undefined || now.maxFramerate === wanted.maxFramerate)
  );
}
