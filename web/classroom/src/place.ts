import type { Role } from '@firstbell/sdk';

import type { DevPlace } from './api';
import { recall, remember } from './storage';

/** Where to go, and with what right. */
export interface Place {
  readonly room: string;
  readonly token: string;
  /** Of end-to-end encryption; absent: none. Checked before. */
  readonly key?: string;
  /** What the development form asked for; absent when the token came from a link. */
  readonly dev?: DevPlace;
  /** The token is the second one: the first was refused. */
  readonly renewed?: true;
}

/**
 * A development node forgets its tokens when it restarts. Whoever was there gets a new one without
 * being asked again; a fresh token that is refused too is refused for good.
 */
export function canRenew(place: Place, code: string, entered: boolean): boolean {
  const stale = code === 'bad_token' || code === 'token_expired';
  return place.dev !== undefined && stale && (entered || place.renewed !== true);
}

/** The development form's values, for a reload and for the next visit in this tab. */
export function rememberDevPlace(place: DevPlace): void {
  remember('session', 'place', place);
}

export function recallDevPlace(): DevPlace | undefined {
  return recall('session', 'place', undefined, isDevPlace);
}

const ROLES: readonly Role[] = ['teacher', 'co_teacher', 'pupil', 'guest'];

function isDevPlace(value: unknown): value is DevPlace {
  if (typeof value !== 'object' || value === null) return false;
  const { room, name, role } = value as Record<string, unknown>;
  return typeof room === 'string' && typeof name === 'string' && ROLES.includes(role as Role);
}
