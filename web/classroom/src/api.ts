import type { Role } from '@firstbell/sdk';

/** What the node says about itself before anybody joins. */
export interface NodeConfig {
  /** Anybody gets a token for any room: never in a school. */
  readonly dev: boolean;
  readonly version: string;
}

/** Longer than any healthy answer takes, shorter than people wait. */
const TIMEOUT_MS = 10_000;

export async function fetchConfig(): Promise<NodeConfig> {
  const response = await fetch('/v1/config', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`config: ${response.status}`);
  return (await response.json()) as NodeConfig;
}

export interface DevPlace {
  readonly room: string;
  readonly name: string;
  readonly role: Role;
}

/** A token for whoever asks; the node hands them out in development mode only. */
export async function fetchDevToken(place: DevPlace): Promise<string> {
  const response = await fetch('/v1/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(place),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`development token: ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  return token;
}
