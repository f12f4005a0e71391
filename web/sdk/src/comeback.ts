import { RetryBudget } from './backoff';
import { remedy, type Remedy, type Trouble } from './recovery';

/** What a session remembers of its tries to come back. All times are of `performance.now()`. */
export class Comeback {
  /** Tries since things last worked. */
  #attempt = 0;
  #budget = new RetryBudget(performance.now());
  /** An ICE restart was tried on this connection since media last flowed. */
  #restarted = false;
  /** How long the server keeps a person whose socket is lost. */
  #resumeMs = 0;
  #resumableUntil = 0;

  get attempt(): number {
    return this.#attempt;
  }
  get restarted(): boolean {
    return this.#restarted;
  }
  /** The socket is lost, and not longer than the server remembers. */
  get isInTime(): boolean {
    return performance.now() < this.#resumableUntil;
  }

  /** Somebody wants in, again or for the first time. */
  start(): void {
    this.#attempt = 0;
    this.#budget = new RetryBudget(performance.now());
  }

  joined(resumeMs: number): void {
    this.#resumeMs = resumeMs;
  }

  mediaFlows(): void {
    this.#attempt = 0;
    this.#restarted = false;
  }

  restarts(tried: boolean): void {
    this.#restarted = tried;
  }

  socketLost(): void {
    this.#resumableUntil = performance.now() + this.#resumeMs;
  }

  /** There is nothing to resume: it was, or it cannot be any more. */
  forgetSocket(): void {
    this.#resumableUntil = 0;
  }

  remedy(trouble: Omit<Trouble, 'attempt' | 'restarted'>): Remedy {
    const [attempt, restarted] = [this.#attempt, this.#restarted];
    return remedy({ ...trouble, attempt, restarted }, Math.random);
  }

  /** Counts one more try. False: there were too many. */
  tryAgain(): boolean {
    if (!this.#budget.take(performance.now())) return false;
    this.#attempt += 1;
    return true;
  }
}
