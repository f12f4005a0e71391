import type { Owner } from './format';
import type { RoomKey } from './keys';

/** What a transform is for. Given to the worker with its streams. */
export type Role =
  | { readonly side: 'send'; readonly kind: 'audio' | 'video'; readonly source: string }
  | { readonly side: 'receive'; readonly kind: 'audio' | 'video'; readonly slot: number };

export type ToWorker =
  | { readonly type: 'key'; readonly key: RoomKey }
  | { readonly type: 'ratchet' }
  /** Who this client is; until then nothing is sent. */
  | { readonly type: 'self'; readonly participant: string }
  /** Everybody in the room. */
  | { readonly type: 'people'; readonly participants: readonly string[] }
  | { readonly type: 'shows'; readonly slot: number; readonly owner: Owner | null }
  /** The streams of a browser that has no `RTCRtpScriptTransform`. */
  | {
      readonly type: 'attach';
      readonly role: Role;
      readonly readable: ReadableStream;
      readonly writable: WritableStream;
    };

export type FromWorker =
  /** Nothing of this participant can be opened any more, or everything again. */
  { readonly type: 'legible'; readonly participant: string; readonly legible: boolean };
