import type { SessionState } from './state';

/** When somebody who waits to be let in comes in, as far as the node said. */
export interface Turn {
  /** In the node's queue, from 1; `null`: not known, for the next try is still to come. */
  readonly position: number | null;
  /** In milliseconds of `performance.now()`: expected then, if nothing else is said until then. */
  readonly at: number;
}

/**
 * What `state` means for somebody whose turn was `before`; `null`: there is no place for them. Who
 * comes back to a kept place waits on meanwhile: the try is part of the wait.
 */
export function turnIn(state: SessionState, before: Turn | null, now: number): Turn | null {
  switch (state.name) {
    case 'queued':
      return { position: state.position, at: now + state.etaMs };
    case 'waiting':
      return state.placeKept ? { position: null, at: now + state.retryInMs } : null;
    case 'connecting':
      return before;
    case 'idle':
    case 'joined':
    case 'reconnecting':
    case 'refused':
    case 'ended':
    case 'unreachable':
    case 'left':
      return null;
  }
}
