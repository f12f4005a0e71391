import type { Publishing, TrackSource } from './protocol';

/** The tracks this client sends, kept from one connection to the next. */
export class Published {
  readonly #tracks = new Map<TrackSource, MediaStreamTrack>();

  get publishing(): Publishing {
    return {
      microphone: this.#tracks.has('microphone'),
      camera: this.#tracks.has('camera'),
      screen: this.#tracks.has('screen'),
    };
  }

  get tracks(): ReadonlyMap<TrackSource, MediaStreamTrack> {
    return this.#tracks;
  }

  /** True if that changes what the others should be told. */
  set(source: TrackSource, track: MediaStreamTrack | null): boolean {
    const before = this.publishing;
    if (track === null) this.#tracks.delete(source);
    else this.#tracks.set(source, track);
    return !samePublishing(before, this.publishing);
  }
}

export function samePublishing(a: Publishing, b: Publishing): boolean {
  return a.microphone === b.microphone && a.camera === b.camera && a.screen === b.screen;
}
