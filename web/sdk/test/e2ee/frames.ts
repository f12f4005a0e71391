import { KeyRing } from '../../src/e2ee/key-ring';
import type { Layout, Owner } from '../../src/e2ee/format';

export const ANNA: Owner = { participant: 'anna', source: 'camera' };
export const BEN: Owner = { participant: 'ben', source: 'camera' };

export const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

/** Bytes that differ from call to call and have every value, zeros in rows too. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const byte = state >>> 24;
    return byte < 90 ? 0 : byte;
  });
}

export const join = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** A 640x480 VP8 keyframe's front (RFC 6386 §9.1). */
const VP8_KEY = bytes(0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01);
const VP8_INTER = bytes(0x31, 0x04, 0x00);
/** Parameter sets and the start of an IDR slice, with start codes of four bytes. */
const H264_KEY = bytes(
  ...[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80],
  ...[0, 0, 0, 1, 0x65, 0x88, 0x84],
);
const H264_INTER = bytes(0, 0, 0, 1, 0x41, 0x9a, 0x24);
const OPUS = bytes(0x78);
const OPUS_MANY = bytes(0x7b, 0x03);

/** One of each kind of frame, and what stands in front of it when it is sealed. */
export const FRAMES: readonly {
  readonly what: string;
  readonly layout: Layout;
  readonly frame: Uint8Array<ArrayBuffer>;
  readonly front: Uint8Array<ArrayBuffer>;
}[] = [
  { what: 'VP8 keyframe', layout: 'vp8', frame: join(VP8_KEY, noise(900)), front: VP8_KEY },
  { what: 'VP8 interframe', layout: 'vp8', frame: join(VP8_INTER, noise(200)), front: VP8_INTER },
  { what: 'H.264 keyframe', layout: 'h264', frame: join(H264_KEY, noise(900)), front: H264_KEY },
  { what: 'H.264 interframe', layout: 'h264', frame: join(H264_INTER, noise(200)), front: H264_INTER },
  { what: 'Opus packet', layout: 'opus', frame: join(OPUS, noise(80)), front: bytes(0x7b, 0) },
  { what: 'Opus packet of several frames', layout: 'opus', frame: join(OPUS_MANY, noise(80)), front: bytes(0x7b, 0) },
  { what: 'pause in speech', layout: 'opus', frame: OPUS, front: bytes(0x7b, 0) },
];

export function ring(seed = 1, generation = 0): KeyRing {
  const made = new KeyRing();
  made.use(noise(32, seed), generation);
  return made;
}
