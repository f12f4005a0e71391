import type { ParticipantId, ResumeTicket } from './protocol';
import { TicketStore } from './ticket-store';

/** With what right this client is in a room: its token, and the ticket to come back with. */
export class Admission {
  readonly #store: TicketStore;
  #room = '';
  #token = '';
  #ticket: ResumeTicket | undefined;

  constructor(store: TicketStore = new TicketStore()) {
    this.#store = store;
  }

  get room(): string {
    return this.#room;
  }
  get token(): string {
    return this.#token;
  }
  get ticket(): ResumeTicket | undefined {
    return this.#ticket;
  }
  get participant(): ParticipantId | undefined {
    return this.#ticket?.participant;
  }

  /** For `room` with `token`. A ticket that this tab has of the same is used. */
  apply(room: string, token: string): void {
    this.#room = room;
    this.#token = token;
    const stored = this.#store.load(room);
    this.#ticket = stored?.token === token ? stored.ticket : undefined;
  }

  /** Let in; another ticket after each join. */
  grant(ticket: ResumeTicket): void {
    this.#ticket = ticket;
    this.#store.save(this.#room, { token: this.#token, ticket });
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
