import { vi } from 'vitest';

/** Every pair of key and IV that was ever used to encrypt, as text. */
export function watchIvs(): string[] {
  const keys = new Map<CryptoKey, string>();
  const used: string[] = [];
  const hex = (data: unknown): string =>
    [...new Uint8Array(data as ArrayBuffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const { subtle } = crypto;
  const [importKey, encrypt] = [subtle.importKey.bind(subtle), subtle.encrypt.bind(subtle)];
  vi.spyOn(subtle, 'importKey').mockImplementation((async (...args: Parameters<typeof importKey>) => {
    const key = await importKey(...args);
    if (args[2] === 'AES-GCM') keys.set(key, hex(args[1]));
    return key;
  }) as typeof importKey);
  vi.spyOn(subtle, 'encrypt').mockImplementation(async (algorithm, key, data) => {
    used.push(`${keys.get(key)} ${hex((algorithm as AesGcmParams).iv)}`);
    return encrypt(algorithm, key, data);
  });
  return used;
}
