/**
 * The room's key as people pass it on: 32 random bytes in the fragment of a link, which browsers
 * never send to a server, or made from a passphrase. Behind it, after a dot, the generation at which
 * it came into use, if not the first.
 */
const KEY_BYTES = 32;
/** OWASP's figure for PBKDF2 with SHA-256; about half a second on an old tablet. */
const PASSPHRASE_ROUNDS = 600_000;

export interface RoomKey {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly generation: number;
}

/** A new random key as text for a link. */
export function newKey(): string {
  return keyText({ bytes: crypto.getRandomValues(new Uint8Array(KEY_BYTES)), generation: 0 });
}

/** The same passphrase in the same room is the same key, whoever types it. */
export async function keyFromPassphrase(passphrase: string, room: string): Promise<string> {
  const encoder = new TextEncoder();
  // Typed on different devices, the same letters may come as different characters.
  const typed = encoder.encode(passphrase.normalize('NFKC').trim());
  const material = await crypto.subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveBits']);
  const bits = await crypto.subtle.deriveBits(
    {
      name: 'PBKDF2',
      hash: 'SHA-256',
      salt: encoder.encode(`firstbell e2ee 1 passphrase ${room}`),
      iterations: PASSPHRASE_ROUNDS,
    },
    material,
    KEY_BYTES * 8,
  );
  return keyText({ bytes: new Uint8Array(bits), generation: 0 });
}

export function keyText({ bytes, generation }: RoomKey): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  const text = base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return generation === 0 ? text : `${text}.${generation}`;
}

/** `undefined`: not a key. A link that lost its end must not become a room of one's own. */
export function parseKey(text: string): RoomKey | undefined {
  const match = /^([A-Za-z0-9_-]{43})(?:\.(\d{1,3}))?$/.exec(text);
  if (match === null) return undefined;
  const [, encoded = '', generation = '0'] = match;
  const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return Number(generation) > 255 ? undefined : { bytes, generation: Number(generation) };
}
