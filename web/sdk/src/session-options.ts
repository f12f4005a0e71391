import type { Encryption, EncryptionOptions } from './e2ee/encryption';
import type { SendOptions } from './encodings';
import type { LinkOptions } from './media-link';
import type { Warning } from './protocol';
import type { QualityEvents } from './quality-monitor';
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
  /** End-to-end encryption; throws where the browser has none. */
  readonly e2ee?: EncryptionOptions;
}

export interface SessionEvents extends RoomEvents, QualityEvents {
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

/** What of a session's options a connection needs, within its bounds. */
export function linkOptions(options: SessionOptions, encryption: Encryption | undefined): LinkOptions {
  const { videoSlots = 9, audioSlots = 4, simulcast, screenFramerate } = options;
  return {
    videoSlots: Math.min(25, Math.max(0, videoSlots)),
    audioSlots: Math.min(8, Math.max(1, audioSlots)),
    ...(simulcast === undefined ? {} : { simulcast }),
    ...(screenFramerate === undefined ? {} : { screenFramerate }),
    ...(encryption === undefined ? {} : { encryption }),
  };
}

export function defaultUrl(): string {
  const url = new URL('/v1/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url.href;
}
