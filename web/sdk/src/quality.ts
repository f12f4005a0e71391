import type { Measurement } from './media-stats';
import type { Line } from './protocol';

/** How good this client's connection is, and what is wrong with it: pure decisions. */
export interface Quality {
  /** `lost`: nothing flows. */
  readonly level: QualityLevel;
  /** `null` while the level is `good`. */
  readonly reason: QualityReason | null;
}

export type QualityLevel = 'good' | 'weak' | 'bad' | 'lost';

/** Stable: pages choose their text by it. */
export type QualityReason =
  /** The line to this client carries too little. */
  | 'narrow'
  /** Too much gets lost on the way to this client. */
  | 'lossy'
  /** Everything comes late. */
  | 'delayed'
  /** The sound has gaps. */
  | 'sound'
  /** Pictures stand still. */
  | 'frozen'
  | 'uplink_narrow'
  | 'uplink_lossy'
  /** Nothing of what this client sends arrives. */
  | 'uplink_silent'
  /** The connection is being restored. */
  | 'interrupted';

export const GOOD: Quality = { level: 'good', reason: null };
export const LOST: Quality = { level: 'lost', reason: 'interrupted' };

/**
 * From where on something is noticed, and from where on it disturbs. Sound counts most: whoever
 * hears can follow the lesson. Opus with RED covers a few per cent of loss.
 */
const LIMITS = [
  { reason: 'sound', of: 'concealed', weak: 0.03, bad: 0.1 },
  { reason: 'lossy', of: 'downlinkLoss', weak: 0.04, bad: 0.15 },
  { reason: 'uplink_lossy', of: 'uplinkLoss', weak: 0.04, bad: 0.15 },
  { reason: 'delayed', of: 'roundTripMs', weak: 400, bad: 900 },
  { reason: 'frozen', of: 'frozen', weak: 0.15, bad: 0.5 },
] as const satisfies readonly {
  reason: QualityReason;
  of: keyof Measurement;
  weak: number;
  bad: number;
}[];
/** Below the first a camera does not fit, below the second not even the voice. */
const OUTGOING_KBPS = { weak: 120, bad: 48 };

const RANK: Readonly<Record<QualityLevel, number>> = { good: 0, weak: 1, bad: 2, lost: 3 };

/** What one measurement alone says. */
export function judge(measured: Measurement): Quality {
  const found = LIMITS.map(({ reason, of, weak, bad }): Quality => {
    const value = measured[of];
    if (value === null || value < weak) return GOOD;
    return { level: value < bad ? 'weak' : 'bad', reason };
  });
  return [...found, outgoing(measured.outgoingKbps)].reduce(worse, GOOD);
}

/** What the node says of the line. It has settled already. */
export function judgeLine(line: Line | null): Quality {
  if (line === null) return GOOD;
  return worse(downlink(line), uplink(line));
}

/** The worse of two; of two that are as bad the first. */
export function worse(a: Quality, b: Quality): Quality {
  return RANK[b.level] > RANK[a.level] ? b : a;
}

export function sameQuality(a: Quality | null, b: Quality | null): boolean {
  return a?.level === b?.level && a?.reason === b?.reason;
}

/** What is shown, and what the latest measurements would rather show. */
export interface Standing {
  readonly shown: Quality;
  readonly pending: { readonly quality: Quality; readonly times: number } | null;
}

export const FRESH: Standing = { shown: GOOD, pending: null };

/** So many measurements in a row must be worse, or have another reason, before it is shown, */
const WORSE_AFTER = 2;
/** and so many better: an indicator that flickers only makes people nervous. */
const BETTER_AFTER = 4;

/**
 * The standing after one more measurement. Of several that differ from what is shown, the one
 * nearest to it counts.
 */
export function settle({ shown, pending }: Standing, next: Quality): Standing {
  if (sameQuality(shown, next)) return { shown, pending: null };
  const better = isBetter(next, shown);
  const sameWay = pending !== null && isBetter(pending.quality, shown) === better;
  const nearest = !sameWay ? next : better ? worse(next, pending.quality) : milder(next, pending.quality);
  const times = sameWay ? pending.times + 1 : 1;
  if (times >= (better ? BETTER_AFTER : WORSE_AFTER)) return { shown: nearest, pending: null };
  return { shown, pending: { quality: nearest, times } };
}

function isBetter(a: Quality, b: Quality): boolean {
  return RANK[a.level] < RANK[b.level];
}

function milder(a: Quality, b: Quality): Quality {
  return isBetter(b, a) ? b : a;
}

function outgoing(kbps: number | null): Quality {
  if (kbps === null || kbps >= OUTGOING_KBPS.weak) return GOOD;
  return { level: kbps < OUTGOING_KBPS.bad ? 'bad' : 'weak', reason: 'uplink_narrow' };
}

function downlink({ video, reason }: Line): Quality {
  switch (video) {
    case 'full':
      return GOOD;
    case 'reduced':
      return { level: 'weak', reason: reason ?? 'narrow' };
    case 'off':
      return { level: 'bad', reason: reason ?? 'narrow' };
  }
}

function uplink({ uplink: state }: Line): Quality {
  switch (state) {
    case 'good':
      return GOOD;
    case 'lossy':
      return { level: 'weak', reason: 'uplink_lossy' };
    case 'silent':
      return { level: 'bad', reason: 'uplink_silent' };
  }
}
