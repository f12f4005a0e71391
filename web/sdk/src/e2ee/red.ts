/**
 * Redundant audio (RFC 2198) that a node builds for a lossy line: one payload of several sealed
 * frames, older ones first. A browser hands the payload to the transform as a whole.
 */

/** One block; the last of a payload is the frame itself and has neither offset. */
export interface RedBlock {
  readonly payloadType: number;
  /** By how much it is older than the last block, in clock units; `null`: it is the last. */
  readonly offset: number | null;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** More than any sender puts into one payload; what has more is refused. */
export const MAX_BLOCKS = 8;
const MAX_REDUNDANT_BYTES = 0x3ff;

/** `undefined`: not a whole payload. */
export function readRed(payload: Uint8Array<ArrayBuffer>): readonly RedBlock[] | undefined {
  const heads: { payloadType: number; offset: number | null; length: number }[] = [];
  let at = 0;
  for (;;) {
    const first = payload[at];
    if (first === undefined || heads.length === MAX_BLOCKS) return undefined;
    const payloadType = first & 0x7f;
    if ((first & 0x80) === 0) {
      at += 1;
      heads.push({ payloadType, offset: null, length: 0 });
      break;
    }
    const [b1, b2, b3] = [payload[at + 1], payload[at + 2], payload[at + 3]];
    if (b1 === undefined || b2 === undefined || b3 === undefined) return undefined;
    heads.push({ payloadType, offset: (b1 << 6) | (b2 >> 2), length: ((b2 & 3) << 8) | b3 });
    at += 4;
  }
  const blocks: RedBlock[] = [];
  for (const { payloadType, offset, length } of heads) {
    const end = offset === null ? payload.length : at + length;
    if (end > payload.length) return undefined;
    blocks.push({ payloadType, offset, data: payload.subarray(at, end) });
    at = end;
  }
  return blocks;
}

/** The last of `blocks` must be the only one without an offset. Older ones too long are left out. */
export function writeRed(blocks: readonly RedBlock[]): Uint8Array<ArrayBuffer> {
  const kept = blocks.filter(
    ({ offset, data }) => offset === null || data.length <= MAX_REDUNDANT_BYTES,
  );
  const bytes: number[] = [];
  for (const { payloadType, offset, data } of kept) {
    if (offset === null) bytes.push(payloadType);
    else {
      bytes.push(0x80 | payloadType, offset >> 6, ((offset & 0x3f) << 2) | (data.length >> 8));
      bytes.push(data.length & 0xff);
    }
  }
  const out = new Uint8Array(bytes.length + kept.reduce((sum, { data }) => sum + data.length, 0));
  out.set(bytes);
  let at = bytes.length;
  for (const { data } of kept) {
    out.set(data, at);
    at += data.length;
  }
  return out;
}
