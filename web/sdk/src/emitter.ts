/** Called with what an event carries. */
export type Listener<T> = (event: T) => void;

/**
 * A typed event source. `Events` maps event names to what they carry.
 *
 * A listener that throws does not keep the others from being called: its error is reported to the
 * page's own error handling.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls `listener` at every `name`; returns the function that stops it. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    listeners.add(listener as Listener<never>);
    this.#listeners.set(name, listeners);
    return () => listeners.delete(listener as Listener<never>);
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<Events[K]>)(event);
      } catch (error) {
        reportError(error);
      }
    }
  }

  /** Passes on, under the same names, what `source` tells. */
  protected relay<K extends keyof Events, Source extends Pick<Events, K>>(
    source: Emitter<Source>,
    names: readonly K[],
  ): void {
    // `Source` has the same events under these names; the compiler does not see through both.
    for (const name of names) {
      source.on(name, (event) => this.emit(name, event as unknown as Events[K]));
    }
  }
}
