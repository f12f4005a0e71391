/** So many frames in a row, over so long a time, must fail before somebody counts as illegible. */
export const FAILURES = 10;
export const FAILING_MS = 1_000;
/** People watched at once; others' failures are not noticed until one of these leaves. */
export const MAX_WATCHED = 1_000;

interface Record {
  failures: number;
  failingSince: number;
  legible: boolean;
}

/** Whether what comes from each person can be opened: for telling people, who cannot see frames. */
export class Legibility {
  readonly #people = new Map<string, Record>();

  /** `undefined`: as before. */
  opened(participant: string): boolean | undefined {
    const person = this.#people.get(participant);
    this.#people.delete(participant);
    return person?.legible === false ? true : undefined;
  }

  /** `undefined`: as before, or not yet sure. */
  failed(participant: string, now: number): boolean | undefined {
    let person = this.#people.get(participant);
    if (person === undefined) {
      if (this.#people.size >= MAX_WATCHED) return undefined;
      person = { failures: 0, failingSince: now, legible: true };
      this.#people.set(participant, person);
    }
    person.failures += 1;
    const sure = person.failures >= FAILURES && now - person.failingSince >= FAILING_MS;
    if (!person.legible || !sure) return undefined;
    person.legible = false;
    return false;
  }

  /** People who are gone are forgotten. */
  keep(participants: ReadonlySet<string>): void {
    for (const participant of [...this.#people.keys()]) {
      if (!participants.has(participant)) this.#people.delete(participant);
    }
  }
}
