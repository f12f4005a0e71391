import type { Layout } from './format';
import { clearUnits } from './h264';

/** The front of a frame that is not encrypted. */
export interface ClearPart {
  readonly length: number;
  /** The bytes of it that the tag vouches for. */
  readonly authenticated: Uint8Array;
}

/** Frame tag, start code, width and height (RFC 6386 §9.1): keyframes and their size are seen. */
const VP8_KEYFRAME_BYTES = 10;
/** The frame tag: whether it is a keyframe, whether it is shown, how long its first part is. */
const VP8_INTERFRAME_BYTES = 3;

/**
 * What must stay readable of a frame for packetizers, depacketizers and the node. Computed alike by
 * sender and receiver from these bytes themselves. `undefined`: this cannot be a whole frame.
 */
export function clearPart(layout: Layout, frame: Uint8Array): ClearPart | undefined {
  const first = frame[0];
  if (first === undefined) return undefined;
  switch (layout) {
    case 'opus': {
      // The table of contents; a packet of several frames has their count behind it (RFC 6716 §3.2.5).
      const length = (first & 3) === 3 ? 2 : 1;
      return front(frame, length);
    }
    case 'vp8':
      // The lowest bit says "not a keyframe".
      return front(frame, (first & 1) === 0 ? VP8_KEYFRAME_BYTES : VP8_INTERFRAME_BYTES);
    case 'h264':
      return clearUnits(frame);
  }
}

function front(frame: Uint8Array, wanted: number): ClearPart {
  const length = Math.min(wanted, frame.length);
  return { length, authenticated: frame.subarray(0, length) };
}
