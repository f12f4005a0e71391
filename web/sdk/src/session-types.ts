import type { SendOptions } from './encodings';
import type { Warning } from './protocol';
import type { RoomEvents } from './room-view';
import type { SessionState } from './state';
import type { TicketStore } from './ticket-store';

export interface SessionOptions extends SendOptions {
  /** WebSocket address; default: `/v1/ws` of the page's own origin. */
  readonly url?: string;
  /** Pictures that can be shown at once, 0 to 25. Fixed for a connection. */
  readonly videoSlots?: number;
  /** Voices that can be heard at once. */
  readonly audioSlots?: number;
  readonly client?: { readonly name: string; readonly version: string };
  readonly tickets?: TicketStore;
}

export interface SessionEvents extends RoomEvents {
  state: SessionState;
  /** The join works, but a part of the offer cannot be used. */
  warnings: readonly Warning[];
}

/** Counted over the life of the session, except where said. */
export interface SessionStats {
  /** Offer/answer pairs of the current connection, ICE restarts not counted: 0 or 1. */
  negotiations: number;
  /** ICE restarts of the current connection. */
  iceRestarts: number;
  /** Media connections made: 1, and one more for each full rejoin. */
  connections: number;
  /** Sockets resumed. */
  resumes: number;
}
