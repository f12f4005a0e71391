import { ownerHint, type Owner } from './format';
import { hintOf, type Opened, type Opener, type Refusal } from './opener';
import { readRed, writeRed, type RedBlock } from './red';
import { SlotGate } from './slot-gate';

/** Everybody in the room by the hints of their sounds. Shared by all audio slots. */
export class People {
  #owners = new Map<number, readonly Owner[]>();

  /** Replaces the whole list. */
  are(participants: readonly string[]): void {
    const owners = new Map<number, Owner[]>();
    for (const participant of participants) {
      for (const source of ['microphone', 'screen_audio']) {
        const owner = { participant, source };
        const hint = ownerHint(owner);
        owners.set(hint, [...(owners.get(hint) ?? []), owner]);
      }
    }
    this.#owners = owners;
  }

  with(hint: number): readonly Owner[] {
    return this.#owners.get(hint) ?? [];
  }
}

/** What came of a frame; `who` is the person it claims to be from, as far as that is known. */
export type Outcome =
  | { readonly frame: Uint8Array<ArrayBuffer>; readonly who: Owner }
  | { readonly refused: Refusal | 'nobody_expected'; readonly who: Owner | null };

/** Opens a slot's frames. */
export interface Receiver {
  shows(owner: Owner | null): void;
  open(frame: Uint8Array<ArrayBuffer>, isRed: boolean): Promise<Outcome>;
}

/**
 * A picture stands under a name, so it must be that person's: a node that shows somebody under
 * another's name shows nothing.
 */
export class VideoReceiver implements Receiver {
  readonly #opener: Opener;
  readonly #gate = new SlotGate();
  readonly #now: () => number;
  #changed: (() => void) | undefined;

  constructor(opener: Opener, now: () => number) {
    this.#opener = opener;
    this.#now = now;
  }

  shows(owner: Owner | null): void {
    this.#gate.shows(owner, this.#now());
    this.#changed?.();
  }

  async open(frame: Uint8Array<ArrayBuffer>): Promise<Outcome> {
    const hint = hintOf(frame);
    if (hint === undefined) return { refused: 'not_sealed', who: this.#gate.owner };
    for (;;) {
      const verdict = this.#gate.judge(hint, this.#now());
      switch (verdict.do) {
        case 'open':
          return outcome(await this.#opener.open(frame, verdict.owner), verdict.owner);
        case 'drop':
          return { refused: 'nobody_expected', who: null };
        case 'wait':
          await this.#change(verdict.ms);
      }
    }
  }

  /** Until the slot shows somebody else, at most `ms`. */
  #change(ms: number): Promise<void> {
    return new Promise((done) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#changed = undefined;
        done();
      };
      const timer = setTimeout(end, ms);
      this.#changed = end;
    });
  }
}

/** Voices stand under no name: anybody's of the room is played, in whatever slot, without a wait. */
export class AudioReceiver implements Receiver {
  readonly #opener: Opener;
  readonly #people: People;
  #shown: Owner | null = null;

  constructor(opener: Opener, people: People) {
    this.#opener = opener;
    this.#people = people;
  }

  shows(owner: Owner | null): void {
    this.#shown = owner;
  }

  async open(frame: Uint8Array<ArrayBuffer>, isRed: boolean): Promise<Outcome> {
    return isRed ? this.#openRed(frame) : this.#openOne(frame);
  }

  async #openOne(frame: Uint8Array<ArrayBuffer>): Promise<Outcome> {
    const hint = hintOf(frame);
    if (hint === undefined) return { refused: 'not_sealed', who: this.#shown };
    let last: Outcome = { refused: 'nobody_expected', who: null };
    for (const owner of this.#people.with(hint)) {
      last = outcome(await this.#opener.open(frame, owner), owner);
      if ('frame' in last || last.refused !== 'not_authentic') return last;
    }
    return last;
  }

  /** The frame itself, and of the older ones those that did not come by themselves. */
  async #openRed(payload: Uint8Array<ArrayBuffer>): Promise<Outcome> {
    const blocks = readRed(payload) ?? [];
    const opened: RedBlock[] = [];
    let result: Outcome = { refused: 'malformed', who: this.#shown };
    for (const block of blocks) {
      result = await this.#openOne(block.data);
      if ('frame' in result) opened.push({ ...block, data: result.frame });
    }
    // `result` is that of the last block, without which there is no payload.
    return 'frame' in result ? { ...result, frame: writeRed(opened) } : result;
  }
}

function outcome(opened: Opened, who: Owner): Outcome {
  return 'frame' in opened ? { frame: opened.frame, who } : { refused: opened.refused, who };
}
