/**
 * H.264 in byte-stream format (ITU-T H.264 annex B), as browsers hand it to a transform: only what
 * must stay readable for packetizers, for the node and for the receiver's own bookkeeping.
 */

/** Coded slices are the units 1 to 5; what stands before the first is parameters and marks. */
const isSlice = (header: number): boolean => (header & 0x1f) >= 1 && (header & 0x1f) <= 5;

/** After a slice's unit header: enough for the numbers that name its parameter set. */
const SLICE_BYTES_IN_CLEAR = 2;

export interface ClearUnits {
  /** Bytes from the start of the frame that stay in the clear. */
  readonly length: number;
  /**
   * The slice's own bytes of them. On the way start codes may change their length, and receivers
   * rewrite, add and leave out parameter sets.
   */
  readonly authenticated: Uint8Array;
}

/** `undefined`: there is no slice, so nothing that could be shown. */
export function clearUnits(frame: Uint8Array): ClearUnits | undefined {
  for (let at = 0; at + 3 < frame.length; at += 1) {
    if (frame[at] !== 0 || frame[at + 1] !== 0 || frame[at + 2] !== 1) continue;
    const header = at + 3;
    if (isSlice(frame[header] ?? 0)) {
      const length = Math.min(frame.length, header + 1 + SLICE_BYTES_IN_CLEAR);
      return { length, authenticated: frame.subarray(header, length) };
    }
    at = header;
  }
  return undefined;
}

/**
 * Puts a 3 after every two zeros that a byte below 4 would follow (annex B's emulation prevention),
 * so that ciphertext never looks like the start of a unit. `before` is what stands in front.
 */
export function escape(bytes: Uint8Array, before: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length + Math.ceil(bytes.length / 2) + 1);
  let length = 0;
  let zeros = trailingZeros(before);
  for (const byte of bytes) {
    if (zeros >= 2 && byte <= 3) {
      out[length++] = 3;
      zeros = 0;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.slice(0, length);
}

/** Takes out what {@link escape} put in. */
export function unescape(bytes: Uint8Array, before: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  let zeros = trailingZeros(before);
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.slice(0, length);
}

function trailingZeros(bytes: Uint8Array): number {
  let zeros = 0;
  while (zeros < bytes.length && bytes[bytes.length - 1 - zeros] === 0) zeros += 1;
  return zeros;
}
