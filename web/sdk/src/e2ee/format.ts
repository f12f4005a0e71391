/**
 * What a sealed frame looks like on the wire; docs/e2ee.md draws it.
 *
 * ```
 * clear bytes | ciphertext | tag (16) | counter (4) salt (6) owner (2) generation (1) format (1)
 * ```
 *
 * Everything outside the ciphertext is authenticated.
 */

/** Upper half of the last byte. A change of anything in this folder's format counts one up. */
export const VERSION = 1;
export const TAG_BYTES = 16;
export const SALT_BYTES = 6;
export const TRAILER_BYTES = 14;
/** A sender counts frames in 32 bits, then takes another salt. */
export const MAX_COUNTER = 0xffff_ffff;
/** Times a key can be ratcheted: the generation is one byte. */
export const MAX_GENERATION = 255;

/** Which bytes at the front of a frame stay in the clear; the lower half of the last byte. */
export type Layout = 'opus' | 'vp8' | 'h264';

const LAYOUTS: readonly Layout[] = ['opus', 'vp8', 'h264'];

export interface Trailer {
  readonly counter: number;
  /** Drawn by the sender for each of its streams: with the owner it names the stream's key. */
  readonly salt: Uint8Array<ArrayBuffer>;
  /** See {@link ownerHint}. */
  readonly owner: number;
  /** How often the room's key has been ratcheted or replaced. */
  readonly generation: number;
  readonly layout: Layout;
}

export function writeTrailer(trailer: Trailer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, trailer.counter);
  bytes.set(trailer.salt, 4);
  view.setUint16(10, trailer.owner);
  view.setUint8(12, trailer.generation);
  view.setUint8(13, (VERSION << 4) | LAYOUTS.indexOf(trailer.layout));
  return bytes;
}

/** `undefined`: the frame is not sealed, or by a version that this one does not know. */
export function readLayout(frame: Uint8Array): Layout | undefined {
  const format = frame.at(-1) ?? 0;
  return format >> 4 === VERSION ? LAYOUTS[format & 0x0f] : undefined;
}

/** `bytes` end with the trailer, and nothing in it is escaped. */
export function readTrailer(bytes: Uint8Array): Trailer | undefined {
  const layout = readLayout(bytes);
  if (bytes.length < TRAILER_BYTES || layout === undefined) return undefined;
  const at = bytes.byteOffset + bytes.length - TRAILER_BYTES;
  const view = new DataView(bytes.buffer, at, TRAILER_BYTES);
  return {
    counter: view.getUint32(0),
    salt: new Uint8Array(bytes.buffer.slice(at + 4, at + 4 + SALT_BYTES) as ArrayBuffer),
    owner: view.getUint16(10),
    generation: view.getUint8(12),
    layout,
  };
}

/** Whose stream, and which of theirs. */
export interface Owner {
  readonly participant: string;
  readonly source: string;
}

export const ownerKey = ({ participant, source }: Owner): string => `${source} ${participant}`;

/**
 * Sixteen bits that tell owners apart without any cryptography (FNV-1a, folded): a receiver sees at
 * once whether a frame can be that of the person a slot shows. Who lies here is found out by the tag.
 */
export function ownerHint(owner: Owner): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(ownerKey(owner))) {
    hash = Math.imul(hash ^ byte, 0x0100_0193);
  }
  return (hash ^ (hash >>> 16)) & 0xffff;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
