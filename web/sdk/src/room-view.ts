import type { ServerEvent } from './channel';
import { Emitter } from './emitter';
import type { ParticipantId, Person, RoomState, SlotLine, SlotMapping } from './protocol';
import { applyDelta, difference, rosterOf, type Roster, type RosterDelta } from './roster';
import { applyMapping, slotTable, type SlotState, type SlotTable } from './slot-table';

/** A slot with the stream to play for it. The stream lasts as long as the connection. */
export interface Slot extends SlotState {
  readonly stream: MediaStream;
}

/** What a page hears of the room. */
export interface RoomEvents {
  /** The whole table, after any change. */
  slots: readonly Slot[];
  /** What changed; `session.roster` is the whole already. */
  roster: RosterDelta;
  /** Who speaks now, loudest first. */
  speakers: readonly ParticipantId[];
  /** The room's own state, such as what the node can give it now. */
  room: RoomState;
}

type RoomEvent = Extract<ServerEvent, { type: 'roster' | 'slots' | 'speakers' | 'room' }>;

/** The room as the server says of it after a join and after a resume. */
export interface WholeState {
  readonly roster: readonly Person[];
  readonly speakers: readonly ParticipantId[];
  readonly mapping: readonly SlotMapping[];
  readonly room: RoomState;
}

/** What this client knows of the room: who is here, who speaks, and what its slots show. */
export class RoomView extends Emitter<RoomEvents> {
  #roster: Roster = new Map();
  #speakers: readonly ParticipantId[] = [];
  #room: RoomState | undefined;
  #table: SlotTable = [];
  #streams = new Map<string, MediaStream>();
  #trackOn: (mid: string) => MediaStreamTrack | undefined = () => undefined;

  get roster(): Roster {
    return this.#roster;
  }
  get speakers(): readonly ParticipantId[] {
    return this.#speakers;
  }
  get room(): RoomState | undefined {
    return this.#room;
  }
  get slots(): readonly Slot[] {
    return this.#table.map((slot) => ({ ...slot, stream: this.#stream(slot.mid) }));
  }

  /** A new connection with these slots; `trackOn` says what arrives on an m-line. */
  connect(
    lines: readonly SlotLine[],
    mapping: readonly SlotMapping[],
    trackOn: (mid: string) => MediaStreamTrack | undefined,
  ): void {
    this.#table = slotTable(lines, mapping);
    this.#streams = new Map();
    this.#trackOn = trackOn;
  }

  replace({ roster: people, speakers, mapping, room }: WholeState): void {
    const roster = rosterOf(people);
    const delta = difference(this.#roster, roster);
    this.#roster = roster;
    this.#room = room;
    this.#speakers = speakers;
    this.emit('room', room);
    this.emit('roster', delta);
    this.emit('speakers', speakers);
    this.#map(mapping);
  }

  receive(event: RoomEvent): void {
    switch (event.type) {
      case 'roster':
        this.#roster = applyDelta(this.#roster, event);
        this.emit('roster', event);
        return;
      case 'slots':
        this.#map(event.mapping);
        return;
      case 'speakers':
        this.#speakers = event.participants;
        this.emit('speakers', this.#speakers);
        return;
      case 'room':
        this.#room = event.room;
        this.emit('room', event.room);
        return;
    }
  }

  /** The connection is gone, and what it showed with it; the people are still those of before. */
  disconnect(): void {
    this.#streams = new Map();
    this.#table = [];
    this.#speakers = [];
    this.emit('slots', []);
  }

  /** The stay is over. */
  forget(): void {
    this.#roster = new Map();
  }

  #map(mapping: readonly SlotMapping[]): void {
    this.#table = applyMapping(this.#table, mapping);
    this.emit('slots', this.slots);
  }

  #stream(mid: string): MediaStream {
    const known = this.#streams.get(mid);
    if (known !== undefined) return known;
    const track = this.#trackOn(mid);
    const stream = new MediaStream(track === undefined ? [] : [track]);
    this.#streams.set(mid, stream);
    return stream;
  }
}
