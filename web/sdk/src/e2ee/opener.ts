import {
  concat,
  ownerKey,
  readLayout,
  readTrailer,
  TAG_BYTES,
  TRAILER_BYTES,
  writeTrailer,
  type Layout,
  type Owner,
  type Trailer,
} from './format';
import { divideSealed, type SealedParts } from './front';
import { unescape } from './h264';
import { frameIv, type KeyRing, type StreamKey } from './key-ring';
import { ReplayWindow } from './replay-window';

/**
 * Streams remembered, over all slots. The one used longest ago is forgotten above it, unproven ones
 * first; a forgotten stream is derived anew, and its replay window starts empty.
 */
export const MAX_STREAMS = 512;

/** Why a frame was not opened. */
export type Refusal =
  /** Not one of ours: sent in the clear, or by a later version. */
  | 'not_sealed'
  | 'malformed'
  /** Sealed with a key from before this client's time. */
  | 'unknown_generation'
  /** The wrong room key, the wrong owner, or changed on the way: cryptography cannot tell which. */
  | 'not_authentic'
  | 'replayed';

export type Opened =
  | { readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly refused: Refusal };

interface Stream {
  readonly key: Promise<StreamKey | undefined>;
  readonly window: ReplayWindow;
  /** At least one frame had the right tag. */
  proven: boolean;
}

/** Opens the frames of everybody. One for all slots, so that a stream keeps its window as it moves. */
export class Opener {
  readonly #ring: KeyRing;
  /** In order of last use. */
  readonly #streams = new Map<string, Stream>();

  constructor(ring: KeyRing) {
    this.#ring = ring;
  }

  /** Opens `sealed` if it is from `owner`. */
  async open(sealed: Uint8Array<ArrayBuffer>, owner: Owner): Promise<Opened> {
    const layout = readLayout(sealed);
    if (layout === undefined) return { refused: 'not_sealed' };
    const parts = split(sealed, layout);
    if (parts === undefined) return { refused: 'malformed' };
    const { trailer } = parts;
    const stream = this.#stream(trailer, owner);
    const key = await stream.key;
    if (key === undefined) return { refused: 'unknown_generation' };
    // Asked first to save the work, and again below: another frame may have come meanwhile.
    if (!stream.window.wouldAccept(trailer.counter)) return { refused: 'replayed' };

    let plain: ArrayBuffer;
    try {
      plain = await crypto.subtle.decrypt(
        {
          name: 'AES-GCM',
          iv: frameIv(key.iv, trailer.counter),
          additionalData: concat(parts.authenticated, writeTrailer(trailer)),
          tagLength: TAG_BYTES * 8,
        },
        key.aes,
        parts.ciphertext,
      );
    } catch {
      return { refused: 'not_authentic' };
    }
    if (!stream.window.accept(trailer.counter)) return { refused: 'replayed' };
    stream.proven = true;
    this.#ring.follow(trailer.generation);
    return { frame: concat(parts.front, new Uint8Array(plain)) };
  }

  /** Keys have changed: what was derived from others is worthless. */
  forget(): void {
    this.#streams.clear();
  }

  #stream({ generation, salt }: Trailer, owner: Owner): Stream {
    const name = `${generation} ${[...salt].join('.')} ${ownerKey(owner)}`;
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      this.#makeRoom();
      const key = this.#ring.stream(generation, salt, owner);
      stream = { key, window: new ReplayWindow(), proven: false };
    }
    this.#streams.delete(name);
    this.#streams.set(name, stream);
    return stream;
  }

  #makeRoom(): void {
    if (this.#streams.size < MAX_STREAMS) return;
    const names = [...this.#streams.keys()];
    const oldest = names.find((name) => this.#streams.get(name)?.proven === false) ?? names[0];
    if (oldest !== undefined) this.#streams.delete(oldest);
  }
}

interface Parts extends SealedParts {
  readonly ciphertext: Uint8Array<ArrayBuffer>;
  readonly trailer: Trailer;
}

function split(sealed: Uint8Array<ArrayBuffer>, layout: Layout): Parts | undefined {
  const parts = divideSealed(layout, sealed);
  if (parts === undefined) return undefined;
  const back = layout === 'h264' ? unescape(parts.rest, parts.front) : parts.rest;
  const trailer = readTrailer(back);
  if (trailer === undefined || back.length < TAG_BYTES + TRAILER_BYTES) return undefined;
  const ciphertext = back.subarray(0, back.length - TRAILER_BYTES);
  return { ...parts, ciphertext, trailer };
}

/** The sixteen bits of {@link ownerHint} of a sealed frame, without opening it. */
export function hintOf(sealed: Uint8Array<ArrayBuffer>): number | undefined {
  const layout = readLayout(sealed);
  return layout === undefined ? undefined : split(sealed, layout)?.trailer.owner;
}
