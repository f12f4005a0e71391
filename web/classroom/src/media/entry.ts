import { recall, remember } from '../storage';
import type { DeviceKind } from './local-media';

/**
 * What a link says is off on the way in. What the person switched in this tab counts more: a link must
 * not undo it with every reload. To be called before the devices are made.
 */
export function applyEntry(entry: Readonly<Partial<Record<DeviceKind, false>>>): void {
  if (Object.keys(entry).length === 0) return;
  const chosen = recall('session', 'media', undefined, (value): value is object => value !== null);
  if (chosen === undefined) remember('session', 'media', { camera: true, microphone: true, ...entry });
}
