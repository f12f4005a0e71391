import {
  concat,
  MAX_COUNTER,
  ownerHint,
  SALT_BYTES,
  TAG_BYTES,
  writeTrailer,
  type Layout,
  type Owner,
} from './format';
import { divide } from './front';
import { escape } from './h264';
import { frameIv, type KeyRing, type StreamKey } from './key-ring';

/** One stream as it is being sealed: its key is used for nothing else, its counter only grows. */
interface Stream {
  readonly owner: Owner;
  readonly generation: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly key: Promise<StreamKey | undefined>;
  counter: number;
}

/**
 * Seals the frames of one sender.
 *
 * The key of a stream comes from the room's key, the owner and a salt drawn here, so that no two
 * senders, sources, page loads or connections ever share one; within it each frame takes the next
 * counter. So no IV is used twice under one key, even if a node gave two people the same id.
 */
export class Sealer {
  readonly #ring: KeyRing;
  readonly #maxCounter: number;
  #stream: Stream | undefined;

  /** `maxCounter`: after it the stream ends and another one begins. */
  constructor(ring: KeyRing, maxCounter = MAX_COUNTER) {
    this.#ring = ring;
    this.#maxCounter = maxCounter;
  }

  /** `undefined`: the frame must not be sent. Calls may overlap; each takes its own counter. */
  async seal(
    frame: Uint8Array<ArrayBuffer>,
    layout: Layout,
    owner: Owner,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const parts = divide(layout, frame);
    if (parts === undefined) return undefined;
    const stream = this.#current(owner);
    const { salt, generation } = stream;
    const counter = stream.counter++;
    const key = await stream.key;
    if (key === undefined) return undefined;

    const trailer = writeTrailer({ counter, salt, owner: ownerHint(owner), generation, layout });
    const ciphertext = await crypto.subtle.encrypt(
      {
        name: 'AES-GCM',
        iv: frameIv(key.iv, counter),
        additionalData: concat(parts.authenticated, trailer),
        tagLength: TAG_BYTES * 8,
      },
      key.aes,
      parts.secret,
    );
    const back = concat(new Uint8Array(ciphertext), trailer);
    return concat(parts.front, layout === 'h264' ? escape(back, parts.front) : back);
  }

  #current(owner: Owner): Stream {
    const stream = this.#stream;
    const goesOn =
      stream !== undefined &&
      stream.generation === this.#ring.current &&
      stream.owner.participant === owner.participant &&
      stream.owner.source === owner.source &&
      stream.counter <= this.#maxCounter;
    if (goesOn) return stream;
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const generation = this.#ring.current;
    const key = this.#ring.stream(generation, salt, owner);
    this.#stream = { owner, generation, salt, key, counter: 0 };
    return this.#stream;
  }
}
