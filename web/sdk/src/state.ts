import type { ErrorCode } from './protocol';

/**
 * Where a session stands. One value, so that no two flags can disagree.
 *
 * `joined.media` says whether sound and picture flow; `reconnecting` means the socket is lost
 * while the media path may still live.
 */
export type SessionState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  | { readonly name: 'queued'; readonly position: number; readonly etaMs: number }
  /** Sent away for now. A kept place is shown at the next try; `Session.turn` says when that is. */
  | {
      readonly name: 'waiting';
      readonly code: ErrorCode;
      readonly retryInMs: number;
      readonly placeKept: boolean;
    }
  | { readonly name: 'joined'; readonly media: MediaHealth }
  | { readonly name: 'reconnecting'; readonly attempt: number }
  | { readonly name: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly name: 'ended'; readonly code: ErrorCode; readonly message: string }
  /** The retry budget is used up; `connect` may be called again. */
  | { readonly name: 'unreachable' }
  | { readonly name: 'left' };

export type MediaHealth = 'connecting' | 'connected' | 'lost';

/** Nothing more happens by itself in these states. */
export function isFinal(state: SessionState): boolean {
  switch (state.name) {
    case 'idle':
    case 'refused':
    case 'ended':
    case 'unreachable':
    case 'left':
      return true;
    case 'connecting':
    case 'queued':
    case 'waiting':
    case 'joined':
    case 'reconnecting':
      return false;
  }
}

/** Whether sound and picture flow; `none`: they never did, or are not meant to any more. */
export type Flow = 'none' | 'flows' | 'interrupted';

/** What `state` means for the flow that was `before`: what never flowed is not interrupted. */
export function flowIn(state: SessionState, before: Flow): Flow {
  if (isFinal(state) && state.name !== 'unreachable') return 'none';
  if (state.name === 'joined' && state.media === 'connected') return 'flows';
  return before === 'none' ? 'none' : 'interrupted';
}
