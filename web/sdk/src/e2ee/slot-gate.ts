import { ownerHint, type Owner } from './format';

/** A slot's frames may come this much before the message that says whose they are. */
export const PATIENCE_MS = 500;

/** What to do with a frame of a slot that shows one owner at a time. */
export type Verdict =
  | { readonly do: 'open'; readonly owner: Owner }
  /** Ask again when the slot's owner changes, or after this long. */
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'drop' };

/**
 * Media and messages take different ways, so at a change of a slot's owner frames of the next one
 * may come too early, and frames of the last one too late. The first wait a little, for among them
 * is the keyframe that all others need; the second are not missed.
 */
export class SlotGate {
  #owner: Owner | null = null;
  #hint = -1;
  #formerHint = -1;
  #changedAt = -Infinity;
  /** Frames of this stranger have waited in vain since the last change. */
  #stranger = -1;
  #strangerSince = 0;

  get owner(): Owner | null {
    return this.#owner;
  }

  /** The slot shows `owner` from now on; `null`: nobody. */
  shows(owner: Owner | null, now: number): void {
    const hint = owner === null ? -1 : ownerHint(owner);
    if (owner?.participant === this.#owner?.participant && owner?.source === this.#owner?.source) return;
    this.#formerHint = this.#hint;
    this.#owner = owner;
    this.#hint = hint;
    this.#changedAt = now;
    this.#stranger = -1;
  }

  judge(hint: number, now: number): Verdict {
    if (this.#owner !== null && hint === this.#hint) return { do: 'open', owner: this.#owner };
    if (hint === this.#formerHint && now < this.#changedAt + PATIENCE_MS) return { do: 'drop' };
    if (hint !== this.#stranger) {
      this.#stranger = hint;
      this.#strangerSince = now;
    }
    const ms = this.#strangerSince + PATIENCE_MS - now;
    return ms > 0 ? { do: 'wait', ms } : { do: 'drop' };
  }
}
