import type { ParticipantId, ResumeTicket } from './protocol';
import { TicketStore } from './ticket-store';

/** What a join shows of all this. */
export interface Credentials {
  readonly room: string;
  readonly token: string;
  readonly resume?: ResumeTicket;
  readonly place?: string;
}

/**
 * With what right this client is in a room: its token, the ticket to come back with, and the place in
 * the queue that a node kept when it sent this client away.
 */
export class Admission {
  readonly #store: TicketStore;
  #room = '';
  #token = '';
  #ticket: ResumeTicket | undefined;
  #place: string | undefined;

  constructor(store: TicketStore = new TicketStore()) {
    this.#store = store;
  }

  get credentials(): Credentials {
    return {
      room: this.#room,
      token: this.#token,
      ...(this.#ticket === undefined ? {} : { resume: this.#ticket }),
      ...(this.#place === undefined ? {} : { place: this.#place }),
    };
  }
  get ticket(): ResumeTicket | undefined {
    return this.#ticket;
  }
  get participant(): ParticipantId | undefined {
    return this.#ticket?.participant;
  }

  /** For `room` with `token`. A ticket that this tab has of the same is used, and a kept place. */
  apply(room: string, token: string): void {
    if (room !== this.#room || token !== this.#token) this.#place = undefined;
    this.#room = room;
    this.#token = token;
    const stored = this.#store.load(room);
    this.#ticket = stored?.token === token ? stored.ticket : undefined;
  }

  /** Let in; another ticket after each join. */
  grant(ticket: ResumeTicket): void {
    this.#ticket = ticket;
    this.#place = undefined;
    this.#store.save(this.#room, { token: this.#token, ticket });
  }

  /** Sent away, with this place kept or none: an earlier one is worth nothing once it was shown. */
  refuse(place: string | undefined): void {
    this.#place = place;
  }

  /** A reloaded page shall not come back by itself. */
  expire(): void {
    this.#store.forget(this.#room);
  }

  /** The ticket is worth nothing any more. */
  dropTicket(): void {
    this.#ticket = undefined;
    this.expire();
  }
}
