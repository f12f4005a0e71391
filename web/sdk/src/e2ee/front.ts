import type { Layout } from './format';
import { clearUnits } from './h264';

/** A plain frame, divided. */
export interface PlainParts {
  /** Sent as it is. */
  readonly front: Uint8Array<ArrayBuffer>;
  /** What of the front the tag vouches for. */
  readonly authenticated: Uint8Array;
  /** To be encrypted. */
  readonly secret: Uint8Array<ArrayBuffer>;
}

/** A sealed frame, divided. */
export interface SealedParts {
  /** What the opened frame begins with. */
  readonly front: Uint8Array<ArrayBuffer>;
  readonly authenticated: Uint8Array;
  /** Ciphertext, tag and trailer. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

/** Frame tag, start code, width and height (RFC 6386 §9.1): keyframes and their size are seen. */
const VP8_KEYFRAME_BYTES = 10;
/** The frame tag: whether it is a keyframe, whether it is shown, how long its first part is. */
const VP8_INTERFRAME_BYTES = 3;

/**
 * The table of contents, changed to announce several frames, and their count: none. Such a packet is
 * invalid (RFC 6716 §3.4 R5), so that who has no key hears silence: ciphertext decoded as Opus is noise
 * at full scale. Mode, bandwidth and stereo stay readable; the whole packet is in the ciphertext.
 */
const OPUS_FRONT_BYTES = 2;
const OPUS_MANY_FRAMES = 3;

/** `undefined`: this cannot be a whole frame. */
export function divide(layout: Layout, frame: Uint8Array<ArrayBuffer>): PlainParts | undefined {
  const [first] = frame;
  if (first === undefined) return undefined;
  if (layout === 'opus') {
    const front = Uint8Array.of(first | OPUS_MANY_FRAMES, 0);
    return { front, authenticated: front, secret: frame };
  }
  const clear = clearFront(layout, frame);
  if (clear === undefined) return undefined;
  const [front, secret] = cut(frame, clear.length);
  return { front, authenticated: clear.authenticated, secret };
}

/** The same for a sealed frame. Found from the front alone, as the rest is not readable yet. */
export function divideSealed(
  layout: Layout,
  sealed: Uint8Array<ArrayBuffer>,
): SealedParts | undefined {
  if (layout === 'opus') {
    const [authenticated, rest] = cut(sealed, OPUS_FRONT_BYTES);
    return { front: new Uint8Array(), authenticated, rest };
  }
  const clear = clearFront(layout, sealed);
  if (clear === undefined) return undefined;
  const [front, rest] = cut(sealed, clear.length);
  return { front, authenticated: clear.authenticated, rest };
}

function clearFront(
  layout: 'vp8' | 'h264',
  frame: Uint8Array,
): { readonly length: number; readonly authenticated: Uint8Array } | undefined {
  if (layout === 'h264') return clearUnits(frame);
  const [first] = frame;
  if (first === undefined) return undefined;
  // The lowest bit says "not a keyframe".
  const wanted = (first & 1) === 0 ? VP8_KEYFRAME_BYTES : VP8_INTERFRAME_BYTES;
  const length = Math.min(wanted, frame.length);
  return { length, authenticated: frame.subarray(0, length) };
}

function cut(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}
