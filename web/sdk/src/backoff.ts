/** How long to wait before trying again. Times in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** No wait is longer than this. */
  readonly capMs: number;
}

export const RECONNECT_BACKOFF: BackoffOptions = { baseMs: 400, capMs: 15_000 };

/**
 * Exponential backoff with full jitter: uniform over `[0, min(cap, base * 2^attempt))`.
 *
 * Full jitter spreads a whole school that lost its node at the same instant evenly over the wait,
 * where a fixed backoff would bring everybody back in waves.
 */
export function fullJitter(
  attempt: number,
  random: () => number,
  { baseMs, capMs }: BackoffOptions = RECONNECT_BACKOFF,
): number {
  const bound = Math.min(capMs, baseMs * 2 ** Math.max(0, attempt));
  return Math.floor(random() * bound);
}

/**
 * The wait the server asked for, and up to half as much again: all who were refused together got
 * the same number, and must not come back together. Never sooner than asked.
 */
export function afterRefusal(retryAfterMs: number, random: () => number): number {
  return Math.ceil(retryAfterMs + random() * Math.max(250, retryAfterMs / 2));
}

/**
 * How often a client may try to come back before it stops and asks the person.
 *
 * A token bucket: each try takes one, and one comes back every `refillMs`. Short outages never
 * empty it; a node that accepts and drops the same client for ever does.
 */
export class RetryBudget {
  #tokens: number;
  #refilledAt: number;
  readonly #capacity: number;
  readonly #refillMs: number;

  constructor(now: number, capacity = 20, refillMs = 30_000) {
    this.#tokens = capacity;
    this.#refilledAt = now;
    this.#capacity = capacity;
    this.#refillMs = refillMs;
  }

  /** Takes one try. False: none left. `now` in milliseconds of any monotone clock. */
  take(now: number): boolean {
    const refill = Math.floor((now - this.#refilledAt) / this.#refillMs);
    if (refill > 0) {
      this.#tokens = Math.min(this.#capacity, this.#tokens + refill);
      this.#refilledAt += refill * this.#refillMs;
    }
    if (this.#tokens === 0) return false;
    this.#tokens -= 1;
    return true;
  }
}
