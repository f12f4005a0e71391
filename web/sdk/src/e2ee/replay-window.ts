/** Frames that may be this much older than the newest: ten seconds of speech, five of three layers. */
export const REPLAY_WINDOW = 512;

/** Which counters of one stream have been seen. Counters far below the newest count as seen. */
export class ReplayWindow {
  #newest = -1;
  /** Whether the counter `n` with `n % REPLAY_WINDOW` at this place was seen. */
  readonly #seen = new Uint8Array(REPLAY_WINDOW);

  wouldAccept(counter: number): boolean {
    if (counter > this.#newest) return true;
    if (counter <= this.#newest - REPLAY_WINDOW) return false;
    return this.#seen[counter % REPLAY_WINDOW] === 0;
  }

  /** Only after the tag was right: forged counters must not move the window. False: seen before. */
  accept(counter: number): boolean {
    if (!this.wouldAccept(counter)) return false;
    const passed = Math.min(counter - this.#newest, REPLAY_WINDOW);
    for (let back = 0; back < passed; back += 1) {
      this.#seen[(counter - back) % REPLAY_WINDOW] = 0;
    }
    this.#seen[counter % REPLAY_WINDOW] = 1;
    this.#newest = Math.max(this.#newest, counter);
    return true;
  }
}
