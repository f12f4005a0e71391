import { MAX_GENERATION, ownerKey, SALT_BYTES, type Owner } from './format';

const AES_BITS = 256;
const IV_BYTES = 12;
const BASE_BITS = 256;

/** The key of one stream of one sender. */
export interface StreamKey {
  readonly aes: CryptoKey;
  /** Combined with the counter it is the frame's IV. */
  readonly iv: Uint8Array<ArrayBuffer>;
}

const label = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`firstbell e2ee 1 ${text}`);

/**
 * The room's keys by generation, and the stream keys that follow from them (HKDF, RFC 5869).
 *
 * A generation without a key of its own is the one before it, ratcheted: so who has the first key
 * can follow, and who is given only a later one cannot go back.
 */
export class KeyRing {
  /** Keys given or derived; at most one for each of the 256 generations. */
  readonly #bases = new Map<number, Promise<CryptoKey>>();
  /** The generation this client seals with. */
  #current = 0;
  /** The generation of the newest key that was given, not derived. */
  #given = 0;

  get current(): number {
    return this.#current;
  }

  /** Seals with this key from now on. Generations derived from older keys above it are forgotten. */
  use(bytes: Uint8Array<ArrayBuffer>, generation: number): void {
    for (const known of [...this.#bases.keys()]) {
      if (known >= generation) this.#bases.delete(known);
    }
    this.#bases.set(generation, importBase(bytes));
    this.#given = generation;
    this.#current = generation;
  }

  /** What was sealed before the newest given key came into use is not opened any more. */
  retire(): void {
    for (const known of [...this.#bases.keys()]) {
      if (known < this.#given) this.#bases.delete(known);
    }
  }

  /** Seals with the next generation from now on. False: there is none left. */
  ratchet(): boolean {
    if (this.#current >= MAX_GENERATION) return false;
    this.#current += 1;
    return true;
  }

  /** Somebody proved to have this generation: seals with it, too. */
  follow(generation: number): void {
    this.#current = Math.max(this.#current, generation);
  }

  /** `undefined`: the generation is older than any key this client was given. */
  async stream(generation: number, salt: Uint8Array, owner: Owner): Promise<StreamKey | undefined> {
    const base = this.#base(generation);
    if (base === undefined) return undefined;
    if (salt.length !== SALT_BYTES) throw new Error(`a salt has ${SALT_BYTES} bytes`);
    const bits = await crypto.subtle.deriveBits(
      {
        name: 'HKDF',
        hash: 'SHA-256',
        salt: Uint8Array.from(salt),
        info: label(`stream ${ownerKey(owner)}`),
      },
      await base,
      AES_BITS + IV_BYTES * 8,
    );
    const raw = bits.slice(0, AES_BITS / 8);
    const aes = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
    return { aes, iv: new Uint8Array(bits, AES_BITS / 8) };
  }

  #base(generation: number): Promise<CryptoKey> | undefined {
    const known = this.#bases.get(generation);
    if (known !== undefined) return known;
    if (generation === 0) return undefined;
    const before = this.#base(generation - 1);
    if (before === undefined) return undefined;
    const next = before.then(ratcheted);
    this.#bases.set(generation, next);
    return next;
  }
}

/** The frame's IV: the counter in the last four bytes, combined with the stream's own secret. */
export function frameIv(iv: Uint8Array, counter: number): Uint8Array<ArrayBuffer> {
  const out = Uint8Array.from(iv);
  const view = new DataView(out.buffer);
  view.setUint32(IV_BYTES - 4, (view.getUint32(IV_BYTES - 4) ^ counter) >>> 0);
  return out;
}

function importBase(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']);
}

async function ratcheted(base: CryptoKey): Promise<CryptoKey> {
  const bits = await crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: label('ratchet') },
    base,
    BASE_BITS,
  );
  return importBase(new Uint8Array(bits));
}
