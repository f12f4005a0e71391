/** Somebody who listens to something else meanwhile is not interrupted more often. */
const SAY_EVERY_MS = 15_000;
/** A region that comes with its text is not read out by all screen readers: the text comes after. */
const SETTLE_MS = 300;

/** How long to wait with the next words; `saidAt`: when the last ones were said, `null`: none yet. */
export function quietFor(saidAt: number | null, now: number): number {
  return saidAt === null ? SETTLE_MS : Math.max(0, saidAt + SAY_EVERY_MS - now);
}
