import { RetryBudget } from './backoff';
import { Channel, RequestError, SocketLost, type Answer, type ServerEvent } from './channel';
import { Encryption, type EncryptionOptions } from './e2ee/encryption';
import { Emitter } from './emitter';
import { MediaLink } from './media-link';
import type {
  ErrorCode,
  ParticipantId,
  Person,
  Publishing,
  ResumeTicket,
  RoomState,
  SlotMapping,
  TrackSource,
  Warning,
} from './protocol';
import { endIsFinal, remedy, type Trouble } from './recovery';
import { applyDelta, difference, rosterOf, type Roster, type RosterDelta } from './roster';
import { applyMapping, slotTable, type SlotState, type SlotTable } from './slot-table';
import { isFinal, type SessionState } from './state';
import { TicketStore } from './ticket-store';

/** A slot with the stream to play for it. The stream lasts as long as the connection. */
export interface Slot extends SlotState {
  readonly stream: MediaStream;
}

export interface SessionOptions {
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

export interface SessionEvents {
  state: SessionState;
  /** The whole table, after any change. */
  slots: readonly Slot[];
  /** What changed; `session.roster` is the whole already. */
  roster: RosterDelta;
  /** Who speaks now, loudest first. */
  speakers: readonly ParticipantId[];
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

type Joined = Extract<Answer, { type: 'joined' }>;

/**
 * One person's stay in one room: join, media, roster, and coming back after losses.
 *
 * ```ts
 * const session = new Session({ videoSlots: 9 });
 * session.on('slots', (slots) => render(slots));
 * await session.publish('microphone', track);
 * session.connect('math-7b', token);
 * ```
 *
 * `connect` returns at once; follow the `state` event. Tracks may be published at any time, before
 * the join too, and go along into every later connection.
 */
export class Session extends Emitter<SessionEvents> {
  readonly encryption: Encryption | undefined;
  readonly #url: string;
  readonly #videoSlots: number;
  readonly #audioSlots: number;
  readonly #client: { name: string; version: string };
  readonly #tickets: TicketStore;
  readonly #tracks = new Map<TrackSource, MediaStreamTrack>();
  readonly #stats: SessionStats = { negotiations: 0, iceRestarts: 0, connections: 0, resumes: 0 };
  #state: SessionState = { name: 'idle' };
  #room = '';
  #token = '';
  #ticket: ResumeTicket | undefined;
  #channel: Channel | undefined;
  #link: MediaLink | undefined;
  #table: SlotTable = [];
  #streams = new Map<string, MediaStream>();
  #roster: Roster = new Map();
  #speakers: readonly ParticipantId[] = [];
  #roomState: RoomState | undefined;
  #wants: { pinned: ParticipantId[]; max_video?: number } = { pinned: [] };
  #budget = new RetryBudget(performance.now());
  #attempt = 0;
  #resumableUntil = 0;
  #resumeMs = 0;
  #heartbeatMs = 10_000;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Work started under an older number is stale: its results are thrown away. */
  #generation = 0;

  constructor(options: SessionOptions = {}) {
    super();
    this.#url = options.url ?? defaultUrl();
    this.#videoSlots = Math.min(25, Math.max(0, options.videoSlots ?? 9));
    this.#audioSlots = Math.min(8, Math.max(1, options.audioSlots ?? 4));
    this.#client = { ...(options.client ?? { name: 'firstbell-sdk', version: '0.1.0' }) };
    this.#tickets = options.tickets ?? new TicketStore();
    this.encryption = options.e2ee && new Encryption(this, options.e2ee);
  }

  get state(): SessionState {
    return this.#state;
  }
  /** This client's own id; `undefined` before the first join. */
  get participant(): ParticipantId | undefined {
    return this.#ticket?.participant;
  }
  get roster(): Roster {
    return this.#roster;
  }
  get speakers(): readonly ParticipantId[] {
    return this.#speakers;
  }
  get room(): RoomState | undefined {
    return this.#roomState;
  }
  get slots(): readonly Slot[] {
    return this.#table.map((slot) => ({ ...slot, stream: this.#stream(slot.mid) }));
  }
  get stats(): Readonly<SessionStats> {
    return {
      ...this.#stats,
      negotiations: this.#link?.negotiations ?? this.#stats.negotiations,
      iceRestarts: this.#link?.iceRestarts ?? this.#stats.iceRestarts,
    };
  }
  /** The connection under the session, for statistics. `undefined` while there is none. */
  get peer(): RTCPeerConnection | undefined {
    return this.#link?.peer;
  }
  /** What this client sends now. */
  get publishing(): Publishing {
    return {
      microphone: this.#tracks.has('microphone'),
      camera: this.#tracks.has('camera'),
      screen: this.#tracks.has('screen'),
    };
  }

  /**
   * Joins `room`. A ticket left in this tab by an earlier session of the same room is used, so that
   * a reloaded page comes back as the same person.
   */
  connect(room: string, token: string): void {
    if (!isFinal(this.#state)) throw new Error('connected or connecting already');
    this.#room = room;
    this.#token = token;
    const stored = this.#tickets.load(room);
    this.#ticket = stored?.token === token ? stored.ticket : undefined;
    this.#attempt = 0;
    this.#budget = new RetryBudget(performance.now());
    void this.#join();
  }

  /** Tries again at once instead of at the end of the current wait. */
  retryNow(): void {
    if (this.#state.name === 'waiting') void this.#join();
    else if (this.#state.name === 'reconnecting') this.#comeBack(0);
  }

  /** Sends `track` as `source` from now on; `null` stops it. Never renegotiates. */
  async publish(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    const before = JSON.stringify(this.publishing);
    if (track === null) this.#tracks.delete(source);
    else this.#tracks.set(source, track);
    await this.#link?.replace(source, track);
    if (JSON.stringify(this.publishing) !== before) this.#tellPublishing();
  }

  /** Sends `stream`'s picture and sound as the screen; `null` stops both. */
  async publishScreen(stream: MediaStream | null): Promise<void> {
    await this.publish('screen_audio', stream?.getAudioTracks()[0] ?? null);
    await this.publish('screen', stream?.getVideoTracks()[0] ?? null);
  }

  /** Whose pictures to show first, and at most how many. Kept over reconnects. */
  setWants(pinned: readonly ParticipantId[], maxVideo?: number): void {
    this.#wants = {
      pinned: [...pinned],
      ...(maxVideo === undefined ? {} : { max_video: maxVideo }),
    };
    this.#tellWants();
  }

  /** Leaves for good. The ticket is forgotten. */
  leave(): void {
    if (this.#state.name === 'left') return;
    this.#tickets.forget(this.#room);
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.request({ type: 'leave' }).catch(() => undefined).finally(() => channel.close());
    this.#tearDown();
    this.#ticket = undefined;
    this.#become({ name: 'left' });
  }

  // --- joining and coming back ---

  async #join(): Promise<void> {
    const generation = this.#begin();
    this.#become({ name: 'connecting', attempt: this.#attempt });
    this.#dropChannel();
    try {
      const link = this.#linkToJoin();
      const opening = Channel.open(this.#url);
      const offer = await link.offer().catch((error: unknown) => {
        opening.then((channel) => channel.close()).catch(() => undefined);
        throw error;
      });
      const channel = await opening;
      if (!this.#adopt(generation, channel)) return;
      for (const [source, track] of this.#tracks) await link.replace(source, track);
      const publishing = this.publishing;
      const answer = await channel.request({
        type: 'join',
        room: this.#room,
        token: this.#token,
        offer,
        client: this.#client,
        publishing,
        ...(this.#ticket === undefined ? {} : { resume: this.#ticket }),
      });
      if (generation !== this.#generation) return;
      if (answer.type === 'joined') await this.#enter(generation, link, answer, publishing);
      else if (answer.type === 'refused') this.#refused(answer);
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
    }
  }

  /**
   * A connection that nobody answered is offered again: tries against a node that is away then cost
   * no new connection each.
   */
  #linkToJoin(): MediaLink {
    if (this.#link?.negotiations === 0) return this.#link;
    this.#dropLink();
    this.#link = new MediaLink(this.#audioSlots, this.#videoSlots, this.encryption);
    this.#stats.connections += 1;
    return this.#link;
  }

  async #enter(
    generation: number,
    link: MediaLink,
    joined: Joined,
    announced: Publishing,
  ): Promise<void> {
    this.#ticket = joined.ticket;
    this.#resumeMs = joined.resume_ms;
    this.#heartbeatMs = joined.heartbeat_ms;
    this.#tickets.save(this.#room, { token: this.#token, ticket: joined.ticket });
    this.#table = slotTable(joined.slots, joined.mapping);
    link.on('health', () => this.#mediaChanged(link));
    await link.accept(joined.answer);
    if (generation !== this.#generation) return;
    this.#streams = new Map();
    this.#channel?.startHeartbeat(joined.heartbeat_ms);
    this.#become({ name: 'joined', media: link.health });
    this.#wholeState(joined.roster, joined.speakers, joined.mapping, joined.room);
    if (joined.warnings.length > 0) this.emit('warnings', joined.warnings);
    if (this.#channel?.closed === true) {
      // The socket went down while the answer was being applied: nobody told us, see `#adopt`.
      this.#socketLost();
      return;
    }
    if (JSON.stringify(announced) !== JSON.stringify(this.publishing)) this.#tellPublishing();
    if (this.#hasWants()) this.#tellWants();
  }

  async #resume(ticket: ResumeTicket): Promise<void> {
    const generation = this.#begin();
    this.#dropChannel();
    try {
      const channel = await Channel.open(this.#url);
      if (!this.#adopt(generation, channel)) return;
      const answer = await channel.request({ type: 'resume', ticket });
      if (generation !== this.#generation) return;
      if (answer.type === 'resumed') {
        this.#stats.resumes += 1;
        this.#resumableUntil = 0;
        channel.startHeartbeat(this.#heartbeatMs);
        this.#become({ name: 'joined', media: this.#link?.health ?? 'lost' });
        this.#wholeState(answer.roster, answer.speakers, answer.mapping, answer.room);
        this.#tellPublishing();
        if (this.#hasWants()) this.#tellWants();
        if (this.#link !== undefined) this.#mediaChanged(this.#link);
      } else {
        this.#resumableUntil = 0;
        this.#recover({ kind: 'resume_refused', resumable: false });
      }
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
    }
  }

  #refused(refusal: { code: ErrorCode; message: string; retry_after_ms?: number }): void {
    this.#dropChannel();
    if (refusal.code === 'resume_unknown' && this.#ticket !== undefined) {
      // The ticket is too old, the token may still be good: come in as a new person.
      this.#ticket = undefined;
      this.#tickets.forget(this.#room);
      this.#recover({ kind: 'resume_refused', resumable: false });
      return;
    }
    this.#recover({ kind: 'refused', resumable: false, retryAfterMs: refusal.retry_after_ms }, refusal);
  }

  /** A try did not get through. */
  #failed(error: unknown): void {
    this.#dropChannel();
    if (!(error instanceof SocketLost)) {
      const message = error instanceof Error ? error.message : String(error);
      // Only the server's own errors carry a code of the protocol; a browser's are numbers.
      const code = error instanceof RequestError ? error.code : 'internal';
      this.#tearDown();
      this.#become({ name: 'refused', code, message });
      return;
    }
    this.#recover({ kind: 'socket', resumable: this.#resumable() });
  }

  #resumable(): boolean {
    return (
      this.#ticket !== undefined &&
      this.#link !== undefined &&
      this.#link.negotiations > 0 &&
      performance.now() < this.#resumableUntil
    );
  }

  #recover(
    trouble: Omit<Trouble, 'attempt' | 'restarted'>,
    refusal?: { code: ErrorCode; message: string },
  ): void {
    const restarted = this.#restartTried;
    const next = remedy({ ...trouble, attempt: this.#attempt, restarted }, Math.random);
    if (next.do === 'restart') {
      void this.#restartIce();
      return;
    }
    if (next.do === 'give_up') {
      this.#tickets.forget(this.#room);
      this.#tearDown();
      this.#become({ name: 'refused', code: refusal?.code ?? 'internal', message: refusal?.message ?? '' });
      return;
    }
    if (!this.#budget.take(performance.now())) {
      this.#tearDown();
      this.#become({ name: 'unreachable' });
      return;
    }
    this.#attempt += 1;
    if (refusal === undefined) {
      this.#become({ name: 'reconnecting', attempt: this.#attempt });
    } else {
      this.#dropLink();
      this.#become({ name: 'waiting', code: refusal.code, retryInMs: next.afterMs });
    }
    this.#comeBack(next.afterMs);
  }

  #comeBack(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#resumable() && this.#ticket !== undefined) void this.#resume(this.#ticket);
      else void this.#join();
    }, afterMs);
  }

  // --- media ---

  #restartTried = false;

  #mediaChanged(link: MediaLink): void {
    if (link !== this.#link || this.#state.name !== 'joined') return;
    if (link.health === 'connected') {
      this.#attempt = 0;
      this.#restartTried = false;
    }
    this.#become({ name: 'joined', media: link.health });
    if (link.health === 'lost') this.#recover({ kind: 'media', resumable: true });
  }

  async #restartIce(): Promise<void> {
    const generation = this.#generation;
    const [link, channel] = [this.#link, this.#channel];
    if (link === undefined || channel === undefined) return;
    this.#restartTried = true;
    try {
      const answer = await channel.request({ type: 'restart', offer: await link.restartOffer() });
      if (generation === this.#generation && answer.type === 'restarted') {
        await link.acceptRestart(answer.answer);
      }
    } catch (error) {
      // A lost socket has its own recovery, after which the restart, which nobody answered, may be
      // tried again; a refused restart leaves only a new connection.
      if (error instanceof SocketLost) {
        if (link === this.#link) this.#restartTried = false;
        return;
      }
      if (generation !== this.#generation) return;
      this.#resumableUntil = 0;
      this.#recover({ kind: 'media', resumable: false });
    }
  }

  // --- server messages ---

  #receive(event: ServerEvent): void {
    switch (event.type) {
      case 'roster':
        this.#roster = applyDelta(this.#roster, event);
        this.emit('roster', event);
        return;
      case 'slots':
        this.#mapSlots(event.mapping);
        return;
      case 'speakers':
        this.#speakers = event.participants;
        this.emit('speakers', this.#speakers);
        return;
      case 'connection':
        if (event.state === 'lost' && this.#state.name === 'joined' && !this.#restartTried) {
          this.#recover({ kind: 'media', resumable: true });
        }
        return;
      case 'ended':
        this.#ended(event.code, event.message);
        return;
    }
  }

  #ended(code: ErrorCode, message: string): void {
    // Whatever is under way ends with the channel, and this is its one recovery.
    this.#begin();
    this.#dropChannel();
    if (!endIsFinal(code)) {
      this.#resumableUntil = 0;
      this.#recover({ kind: 'socket', resumable: false });
      return;
    }
    this.#tickets.forget(this.#room);
    this.#tearDown();
    this.#become({ name: 'ended', code, message });
  }

  #wholeState(
    people: readonly Person[],
    speakers: readonly ParticipantId[],
    mapping: readonly SlotMapping[],
    room: RoomState,
  ): void {
    const roster = rosterOf(people);
    const delta = difference(this.#roster, roster);
    this.#roster = roster;
    this.#roomState = room;
    this.#speakers = speakers;
    this.emit('roster', delta);
    this.emit('speakers', speakers);
    this.#mapSlots(mapping);
  }

  #mapSlots(mapping: readonly SlotMapping[]): void {
    this.#table = applyMapping(this.#table, mapping);
    this.emit('slots', this.slots);
  }

  // --- small parts ---

  #stream(mid: string): MediaStream {
    const known = this.#streams.get(mid);
    if (known !== undefined) return known;
    const track = this.#link?.receiverTrack(mid);
    const stream = new MediaStream(track === undefined ? [] : [track]);
    this.#streams.set(mid, stream);
    return stream;
  }

  #tellPublishing(): void {
    this.#tell({ type: 'publishing', publishing: this.publishing });
  }

  #hasWants(): boolean {
    return this.#wants.pinned.length > 0 || this.#wants.max_video !== undefined;
  }

  #tellWants(): void {
    this.#tell({ type: 'wants', ...this.#wants });
  }

  /** A message whose loss the next whole state makes up for. */
  #tell(request: Parameters<Channel['request']>[0]): void {
    if (this.#state.name !== 'joined') return;
    this.#channel?.request(request).catch(() => undefined);
  }

  /** Makes all work in progress stale. */
  #begin(): number {
    clearTimeout(this.#timer);
    this.#generation += 1;
    return this.#generation;
  }

  /** Takes over a fresh channel, unless the session has moved on meanwhile. */
  #adopt(generation: number, channel: Channel): boolean {
    if (generation !== this.#generation) {
      channel.close();
      return false;
    }
    this.#channel = channel;
    channel.on('event', (event) => {
      if (channel === this.#channel) this.#receive(event);
    });
    channel.on('queued', ({ position, eta_ms }) => {
      if (channel === this.#channel) this.#become({ name: 'queued', position, etaMs: eta_ms });
    });
    channel.on('lost', () => {
      // While a request is under way its failure tells, or `#enter` looks.
      if (channel === this.#channel && this.#state.name === 'joined') this.#socketLost();
    });
    return true;
  }

  #socketLost(): void {
    this.#channel = undefined;
    this.#resumableUntil = performance.now() + this.#resumeMs;
    this.#recover({ kind: 'socket', resumable: true });
  }

  #dropChannel(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
  }

  #dropLink(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.close();
    this.#restartTried = false;
    this.#streams = new Map();
    this.#table = [];
    this.#speakers = [];
    this.emit('slots', []);
  }

  #tearDown(): void {
    this.#begin();
    this.#dropChannel();
    this.#dropLink();
    this.#roster = new Map();
  }

  #become(state: SessionState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

function defaultUrl(): string {
  const url = new URL('/v1/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url.href;
}
