import type { ServiceLevel } from '@firstbell/sdk';

import type { ClassView } from '../hooks';
import type { VideoOff } from './video-off';

type Seen = Pick<ClassView, 'service' | 'state' | 'slots' | 'roster'>;

/**
 * What the node cannot give now, as far as the person misses it: who gets no pictures for a reason of
 * their own is not told of another one, nor who is where nobody sends any. `own` is their id.
 */
export function missedService(
  { service, state, slots, roster }: Seen,
  own: string | undefined,
  videoOff: VideoOff,
): ServiceLevel | null {
  if (service === null || state.name !== 'joined' || state.media !== 'connected') return null;
  // Whoever waits for the others wants to know why they do not come.
  if (service === 'queue') return service;
  const others = [...roster.values()].filter(({ participant }) => participant !== own);
  const sent = others.some(({ publishing }) => publishing.camera || publishing.screen);
  if (!sent || videoOff !== null) return null;
  // This one is over for a person with the first picture.
  const seen = slots.some(({ kind, shows }) => kind === 'video' && shows !== null);
  return service === 'audio_first' && seen ? null : service;
}
