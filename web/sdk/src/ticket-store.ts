import type { ResumeTicket } from './protocol';

/** What a reloaded page needs to come back as the same person. */
export interface StoredSession {
  readonly token: string;
  readonly ticket: ResumeTicket;
}

const PREFIX = 'firstbell.session.';

/**
 * Keeps tickets in `sessionStorage`: they survive a reload and die with the tab, and no other tab
 * can read them. Storage that is full or forbidden costs the resume, never the class.
 */
export class TicketStore {
  readonly #storage: Storage | undefined;

  constructor(storage: Storage | undefined = sessionStorageIfAllowed()) {
    this.#storage = storage;
  }

  load(room: string): StoredSession | undefined {
    try {
      const value: unknown = JSON.parse(this.#storage?.getItem(PREFIX + room) ?? 'null');
      return isStoredSession(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  save(room: string, session: StoredSession): void {
    try {
      this.#storage?.setItem(PREFIX + room, JSON.stringify(session));
    } catch {
      // Full or forbidden: the next reload asks for the token again.
    }
  }

  forget(room: string): void {
    try {
      this.#storage?.removeItem(PREFIX + room);
    } catch {
      // Forbidden: then nothing was stored either.
    }
  }
}

function sessionStorageIfAllowed(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

function isStoredSession(value: unknown): value is StoredSession {
  if (typeof value !== 'object' || value === null) return false;
  const { token, ticket } = value as Partial<StoredSession>;
  return (
    typeof token === 'string' &&
    typeof ticket === 'object' &&
    ticket !== null &&
    typeof ticket.participant === 'string' &&
    typeof ticket.secret === 'string'
  );
}
