import { afterRefusal, fullJitter } from './backoff';
import type { ErrorCode } from './protocol';

/** What a client knows when it has lost something. */
export interface Trouble {
  readonly kind: 'socket' | 'media' | 'refused' | 'resume_refused';
  /** Tries since things last worked. */
  readonly attempt: number;
  /** The socket may still be resumed: joined, and not longer ago than the server keeps it. */
  readonly resumable: boolean;
  /** An ICE restart was already tried on this connection since media last flowed. */
  readonly restarted: boolean;
  /** Of a refusal: the server's wish; `undefined`: trying again does not help. */
  readonly retryAfterMs?: number | undefined;
  /** Of a refusal: the server keeps this client's place in its queue until about then. */
  readonly placeKept?: boolean;
}

export type Remedy =
  | { readonly do: 'resume'; readonly afterMs: number }
  | { readonly do: 'restart' }
  | { readonly do: 'rejoin'; readonly afterMs: number }
  | { readonly do: 'give_up' };

/**
 * What to do next: resume the socket while the server remembers us (the media path goes on
 * meanwhile), restart ICE once when only the media path is gone, else join anew with the ticket.
 */
export function remedy(trouble: Trouble, random: () => number): Remedy {
  switch (trouble.kind) {
    case 'socket':
      return {
        do: trouble.resumable ? 'resume' : 'rejoin',
        afterMs: fullJitter(trouble.attempt, random),
      };
    case 'media':
      return trouble.restarted
        ? { do: 'rejoin', afterMs: fullJitter(trouble.attempt, random) }
        : { do: 'restart' };
    case 'resume_refused':
      return { do: 'rejoin', afterMs: fullJitter(trouble.attempt, random) };
    case 'refused':
      if (trouble.retryAfterMs === undefined) return { do: 'give_up' };
      // With a place the time is of this client's own turn: the server has spread people already,
      // and who is late holds up all behind.
      if (trouble.placeKept === true) return { do: 'rejoin', afterMs: trouble.retryAfterMs };
      return { do: 'rejoin', afterMs: afterRefusal(trouble.retryAfterMs, random) };
  }
}

/** Ends of a session after which coming back by itself would be wrong or useless. */
export function endIsFinal(code: ErrorCode): boolean {
  return code !== 'draining' && code !== 'timeout' && code !== 'overloaded';
}
