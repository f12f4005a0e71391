// What docs/e2ee.md says, done again with another library: a client that reads only that page fits.

import { createCipheriv, createDecipheriv, hkdfSync, pbkdf2Sync } from 'node:crypto';
import { expect, it } from 'vitest';

import { keyFromPassphrase } from '../../src/e2ee/keys';
import { Opener } from '../../src/e2ee/opener';
import { Sealer } from '../../src/e2ee/sealer';
import { FRAMES, noise, ring } from './frames';

const OWNER = { participant: 'änna', source: 'camera' };
const { frame } = FRAMES[0];
const [CLEAR, TAG, TRAILER] = [10, 16, 14];

/** @param {Buffer} base @param {Buffer} trailer */
function keyAndIv(base, trailer) {
  const info = `firstbell e2ee 1 stream ${OWNER.source} ${OWNER.participant}`;
  const material = Buffer.from(hkdfSync('sha256', base, trailer.subarray(4, 10), info, 44));
  const iv = material.subarray(32);
  iv.writeUInt32BE((iv.readUInt32BE(8) ^ trailer.readUInt32BE(0)) >>> 0, 8);
  return { key: material.subarray(0, 32), iv };
}

/** @param {Buffer} base */
const ratcheted = (base) => Buffer.from(hkdfSync('sha256', base, '', 'firstbell e2ee 1 ratchet', 32));

it('what we seal is opened by it, after two ratchets too', async () => {
  for (const generation of [0, 2]) {
    const ours = ring();
    for (let step = 0; step < generation; step += 1) ours.ratchet();
    const sealed = Buffer.from(await new Sealer(ours).seal(frame, 'vp8', OWNER));
    const trailer = sealed.subarray(-TRAILER);
    expect([...trailer.subarray(-2)]).toEqual([generation, 0x11]);
    let base = Buffer.from(noise(32, 1));
    for (let step = 0; step < generation; step += 1) base = ratcheted(base);
    const { key, iv } = keyAndIv(base, trailer);
    const cipher = createDecipheriv('aes-256-gcm', key, iv);
    cipher.setAAD(Buffer.concat([sealed.subarray(0, CLEAR), trailer]));
    cipher.setAuthTag(sealed.subarray(-TRAILER - TAG, -TRAILER));
    const body = sealed.subarray(CLEAR, -TRAILER - TAG);
    const plain = Buffer.concat([cipher.update(body), cipher.final()]);
    expect(plain.equals(frame.subarray(CLEAR))).toBe(true);
  }
});

it('what it seals is opened by us', async () => {
  // Counter 258, a salt, the hint of "camera änna" (FNV-1a), generation 0, version 1 and VP8.
  let hash = 0x811c9dc5n;
  for (const byte of Buffer.from(`${OWNER.source} ${OWNER.participant}`)) {
    hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
  }
  const hint = Number((hash ^ (hash >> 16n)) & 0xffffn);
  const trailer = Buffer.from([0, 0, 1, 2, 9, 8, 7, 6, 5, 4, hint >> 8, hint & 0xff, 0, 0x11]);
  const { key, iv } = keyAndIv(Buffer.from(noise(32, 1)), trailer);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.concat([frame.subarray(0, CLEAR), trailer]));
  const body = Buffer.concat([cipher.update(frame.subarray(CLEAR)), cipher.final()]);
  const sealed = Buffer.concat([frame.subarray(0, CLEAR), body, cipher.getAuthTag(), trailer]);
  expect(await new Opener(ring()).open(Uint8Array.from(sealed), OWNER)).toEqual({ frame });
});

it('makes the same key of a passphrase', async () => {
  const salt = 'firstbell e2ee 1 passphrase math-7b';
  const key = pbkdf2Sync('Grüne Tafel', salt, 600_000, 32, 'sha256').toString('base64url');
  expect(await keyFromPassphrase('Grüne Tafel', 'math-7b')).toBe(key);
});
