/**
 * What the page's address says: `/` or `/r/<room>`, and behind the hash, where no server sees it,
 * `token=<token>` and `key=<key>`.
 */
export interface Address {
  readonly room: string | undefined;
  readonly token: string | undefined;
  /** Of end-to-end encryption, as it stands there: perhaps not a whole one. */
  readonly key: string | undefined;
  /** `camera=off`, `microphone=off`: what is off when somebody comes in by this link. */
  readonly entry: Readonly<Partial<Record<'camera' | 'microphone', false>>>;
}

export function readAddress({ pathname, hash }: { pathname: string; hash: string }): Address {
  const [, room] = /^\/r\/([^/]+)\/?$/.exec(pathname) ?? [];
  const values = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    room: decoded(room),
    token: values.get('token') || undefined,
    key: values.get('key') || undefined,
    entry: {
      ...(values.get('camera') === 'off' ? { camera: false } : {}),
      ...(values.get('microphone') === 'off' ? { microphone: false } : {}),
    },
  };
}

export function roomPath(room: string, { token, key }: { token?: string | undefined; key?: string | undefined } = {}): string {
  const values = Object.entries({ token, key }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  const hash = values.length === 0 ? '' : `#${values.join('&')}`;
  return `/r/${encodeURIComponent(room)}${hash}`;
}

function decoded(room: string | undefined): string | undefined {
  try {
    return room === undefined ? undefined : decodeURIComponent(room);
  } catch {
    return undefined;
  }
}

/** Who a token says it is for. Not verified: only good for showing it to the person who holds it. */
export interface TokenContents {
  readonly name: string | undefined;
  readonly room: string | undefined;
}

export function peekToken(token: string): TokenContents {
  try {
    const part = token.split('.')[1] ?? '';
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== 'object' || claims === null) return { name: undefined, room: undefined };
    const { name, room } = claims as Record<string, unknown>;
    return {
      name: typeof name === 'string' ? name : undefined,
      room: typeof room === 'string' ? room : undefined,
    };
  } catch {
    return { name: undefined, room: undefined };
  }
}
