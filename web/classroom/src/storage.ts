/**
 * Small values the page remembers. Storage that is full or forbidden costs the memory, never the
 * class; what is read back is checked by the caller, who passes what to use otherwise.
 */
export function remember(storage: 'local' | 'session', key: string, value: unknown): void {
  try {
    storageOf(storage).setItem(`firstbell.${key}`, JSON.stringify(value));
  } catch {
    // Full or forbidden.
  }
}

export function recall<T>(
  storage: 'local' | 'session',
  key: string,
  fallback: T,
  isValid: (value: unknown) => value is T,
): T {
  try {
    const value: unknown = JSON.parse(storageOf(storage).getItem(`firstbell.${key}`) ?? 'null');
    return isValid(value) ? value : fallback;
  } catch {
    return fallback;
  }
}

function storageOf(storage: 'local' | 'session'): Storage {
  return storage === 'local' ? localStorage : sessionStorage;
}
