import type { Line, SessionState } from '@firstbell/sdk';

import type { DataUse } from '../media/data-use';

/** Why no pictures come, if it is no accident: the node saves the sound, or the person wants none. */
export type VideoOff = 'line' | 'chosen' | null;

export function videoOff(state: SessionState, line: Line | null, use: DataUse): VideoOff {
  if (use === 'sound') return 'chosen';
  // Without a connection there is something worse to say.
  const connected = state.name === 'joined' && state.media === 'connected';
  return connected && line?.video === 'off' ? 'line' : null;
}
