import type { Turn } from '@firstbell/sdk';

import type { Dictionary } from '../i18n';

/** Nobody can know it better than this, and numbers that run down make people nervous. */
const STEP_SECONDS = 10;
/** From here on in minutes. */
const MINUTES_FROM_SECONDS = 55;

/** How long somebody still waits, as coarse as it is known. */
export type Wait =
  | { readonly unit: 'soon' }
  | { readonly unit: 'seconds'; readonly count: number }
  | { readonly unit: 'minutes'; readonly count: number };

/** Always rounded up: to come in sooner than said annoys nobody. */
export function waitUntil({ position, at }: Turn, now: number): Wait {
  const seconds = Math.max(0, (at - now) / 1_000);
  // Whose number is not known stands before the queue, not at its end: there is some of it to come.
  if (position !== null && seconds <= STEP_SECONDS / 2) return { unit: 'soon' };
  if (seconds > MINUTES_FROM_SECONDS) return { unit: 'minutes', count: Math.ceil(seconds / 60) };
  return { unit: 'seconds', count: Math.max(1, Math.ceil(seconds / STEP_SECONDS)) * STEP_SECONDS };
}

export function waitText(t: Dictionary, wait: Wait): string {
  switch (wait.unit) {
    case 'soon':
      return t.turn.soon;
    case 'seconds':
      return t.turn.seconds(wait.count);
    case 'minutes':
      return t.turn.minutes(wait.count);
  }
}

/** The place in line; `null`: the node has not given a number yet. */
export function placeText(t: Dictionary, position: number | null): string | null {
  if (position === null) return null;
  return position <= 1 ? t.turn.next : t.turn.number(position);
}
