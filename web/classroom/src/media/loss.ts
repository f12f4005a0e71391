import type { DeviceKind } from './local-media';

/** What the person should know about a device that came or went by itself. */
export type DeviceNotice =
  | { readonly name: 'switched'; readonly from: string; readonly to: string }
  | { readonly name: 'unplugged'; readonly from: string };

/** What to do about a device that stopped by itself: unplugged, or taken away by the system. */
export type LossPlan =
  /** Open whichever the browser thinks best, and say so. */
  | { readonly do: 'reopen' }
  | { readonly do: 'stop' };

/**
 * Somebody whose headset comes off wants to go on speaking, so the next microphone takes over. Another
 * camera shows what nobody meant to show: it stays off until it is chosen.
 */
export function lossPlan(kind: DeviceKind, on: boolean, others: number): LossPlan {
  return kind === 'microphone' && on && others > 0 ? { do: 'reopen' } : { do: 'stop' };
}
