import { Admission } from './admission';
import { Channel, faultOf, SocketLost, type Answer, type ServerEvent } from './channel';
import { Comeback } from './comeback';
import { Encryption } from './e2ee/encryption';
import { Emitter } from './emitter';
import { MediaLink, type LinkOptions } from './media-link';
import type {
  ErrorCode,
  Line,
  ParticipantId,
  Publishing,
  ResumeTicket,
  RoomState,
  TrackSource,
  VideoSource,
} from './protocol';
import { Published, samePublishing } from './published';
import type { Quality } from './quality';
import { QualityMonitor } from './quality-monitor';
import { endIsFinal, type Trouble } from './recovery';
import { RoomView, type Slot } from './room-view';
import type { Roster } from './roster';
import {
  defaultUrl,
  linkOptions,
  type SessionEvents,
  type SessionOptions,
  type SessionStats,
} from './session-options';
import { isFinal, type SessionState } from './state';
import { turnIn, type Turn } from './turn';
import { Wishes } from './wishes';

type Joined = Extract<Answer, { type: 'joined' }>;
type Refused = Extract<Answer, { type: 'refused' }>;

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
  readonly #linkOptions: LinkOptions;
  readonly #client: { name: string; version: string };
  readonly #admission: Admission;
  readonly #published = new Published();
  readonly #view = new RoomView();
  readonly #wishes = new Wishes((wants) => this.#tell(wants));
  readonly #monitor = new QualityMonitor();
  readonly #comeback = new Comeback();
  readonly #stats: SessionStats = { negotiations: 0, iceRestarts: 0, connections: 0, resumes: 0 };
  #state: SessionState = { name: 'idle' };
  #turn: Turn | null = null;
  #channel: Channel | undefined;
  #link: MediaLink | undefined;
  #heartbeatMs = 10_000;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Work started under an older number is stale: its results are thrown away. */
  #generation = 0;

  constructor(options: SessionOptions = {}) {
    super();
    this.#url = options.url ?? defaultUrl();
    this.#client = { ...(options.client ?? { name: 'firstbell-sdk', version: '0.1.0' }) };
    this.#admission = new Admission(options.tickets);
    this.#view.on('roster', () => this.#wishes.keepOnly(this.#view.roster));
    this.relay(this.#view, ['roster', 'speakers', 'slots', 'room']);
    this.relay(this.#monitor, ['quality', 'line']);
    this.encryption = options.e2ee && new Encryption(this, options.e2ee);
    this.#linkOptions = linkOptions(options, this.encryption);
  }

  get state(): SessionState {
    return this.#state;
  }
  /** When this client is let in, while it waits for its turn; told of by `state` as well. */
  get turn(): Turn | null {
    return this.#turn;
  }
  /** This client's own id; `undefined` before the first join. */
  get participant(): ParticipantId | undefined {
    return this.#admission.participant;
  }
  get roster(): Roster {
    return this.#view.roster;
  }
  get speakers(): readonly ParticipantId[] {
    return this.#view.speakers;
  }
  get room(): RoomState | undefined {
    return this.#view.room;
  }
  get slots(): readonly Slot[] {
    return this.#view.slots;
  }
  /** How good this client's connection is, and why not better. */
  get quality(): Quality | null {
    return this.#monitor.quality;
  }
  /** What the node makes of this client's line. */
  get line(): Line | null {
    return this.#monitor.line;
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
    return this.#published.publishing;
  }

  /**
   * Joins `room`. A ticket left in this tab by an earlier session of the same room is used, so that
   * a reloaded page comes back as the same person.
   */
  connect(room: string, token: string): void {
    if (!isFinal(this.#state)) throw new Error('connected or connecting already');
    this.#admission.apply(room, token);
    this.#comeback.start();
    void this.#join();
  }

  /** Tries again at once instead of at the end of the current wait. */
  retryNow(): void {
    if (this.#state.name === 'waiting') void this.#join();
    else if (this.#state.name === 'reconnecting') this.#comeBack(0);
  }

  /** Sends `track` as `source` from now on; `null` stops it. Never renegotiates. */
  async publish(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    const changed = this.#published.set(source, track);
    await this.#link?.replace(source, track);
    if (changed) this.#tellPublishing();
  }

  /** Sends `stream`'s picture and sound as the screen; `null` stops both. */
  async publishScreen(stream: MediaStream | null): Promise<void> {
    await this.publish('screen_audio', stream?.getAudioTracks()[0] ?? null);
    await this.publish('screen', stream?.getVideoTracks()[0] ?? null);
  }

  /** Whose pictures to show first, and at most how many. Kept over reconnects. */
  setWants(pinned: readonly ParticipantId[], maxVideo?: number): void {
    this.#wishes.set(pinned, maxVideo);
  }

  /**
   * How high a track is shown now, in device pixels; 0: not to be seen; `null`: not known any more.
   * May be called as often as it changes; `observeTile` does so for an element. Tracks that are not
   * told of come as large as the server thinks fit.
   */
  showTile(participant: ParticipantId, source: VideoSource, height: number | null): void {
    this.#wishes.show(participant, source, height);
  }

  /** Leaves for good. The ticket is forgotten. */
  leave(): void {
    if (this.#state.name === 'left') return;
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.request({ type: 'leave' }).catch(() => undefined).finally(() => channel.close());
    this.#tearDown();
    this.#admission.dropTicket();
    this.#become({ name: 'left' });
  }

  // --- joining and coming back ---

  async #join(): Promise<void> {
    const generation = this.#begin();
    this.#become({ name: 'connecting', attempt: this.#comeback.attempt });
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
      for (const [source, track] of this.#published.tracks) await link.replace(source, track);
      const publishing = this.publishing;
      const [credentials, client] = [this.#admission.credentials, this.#client];
      const answer = await channel.request({ type: 'join', ...credentials, offer, client, publishing });
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
    this.#link = new MediaLink(this.#linkOptions);
    this.#stats.connections += 1;
    return this.#link;
  }

  async #enter(
    generation: number,
    link: MediaLink,
    joined: Joined,
    announced: Publishing,
  ): Promise<void> {
    this.#admission.grant(joined.ticket);
    this.#comeback.joined(joined.resume_ms);
    this.#heartbeatMs = joined.heartbeat_ms;
    this.#view.connect(joined.slots, joined.mapping, (mid) => link.receiverTrack(mid));
    link.on('health', () => this.#mediaChanged(link));
    this.#monitor.watch(link.peer);
    await link.accept(joined.answer);
    if (generation !== this.#generation) return;
    this.#channel?.startHeartbeat(joined.heartbeat_ms);
    this.#become({ name: 'joined', media: link.health });
    this.#view.replace(joined);
    if (joined.warnings.length > 0) this.emit('warnings', joined.warnings);
    if (this.#channel?.closed === true) {
      // The socket went down while the answer was being applied: nobody told us, see `#adopt`.
      this.#socketLost();
      return;
    }
    if (!samePublishing(announced, this.publishing)) this.#tellPublishing();
    this.#wishes.repeat();
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
        this.#comeback.forgetSocket();
        channel.startHeartbeat(this.#heartbeatMs);
        this.#become({ name: 'joined', media: this.#link?.health ?? 'lost' });
        this.#view.replace(answer);
        this.#tellPublishing();
        this.#wishes.repeat();
        if (this.#link !== undefined) this.#mediaChanged(this.#link);
      } else {
        this.#comeback.forgetSocket();
        this.#recover({ kind: 'resume_refused', resumable: false });
      }
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
    }
  }

  #refused(refusal: Refused): void {
    this.#dropChannel();
    this.#admission.refuse(refusal.place);
    if (refusal.code === 'resume_unknown' && this.#admission.ticket !== undefined) {
      // The ticket is too old, the token may still be good: come in as a new person.
      this.#admission.dropTicket();
      this.#recover({ kind: 'resume_refused', resumable: false });
      return;
    }
    const [retryAfterMs, placeKept] = [refusal.retry_after_ms, refusal.place !== undefined];
    this.#recover({ kind: 'refused', resumable: false, retryAfterMs, placeKept }, refusal);
  }

  /** A try did not get through. */
  #failed(error: unknown): void {
    this.#dropChannel();
    if (!(error instanceof SocketLost)) {
      this.#tearDown();
      this.#become({ name: 'refused', ...faultOf(error) });
      return;
    }
    this.#recover({ kind: 'socket', resumable: this.#resumable() });
  }

  #resumable(): boolean {
    return (
      this.#admission.ticket !== undefined &&
      this.#link !== undefined &&
      this.#link.negotiations > 0 &&
      this.#comeback.isInTime
    );
  }

  #recover(
    trouble: Omit<Trouble, 'attempt' | 'restarted'>,
    refusal?: Refused,
  ): void {
    const next = this.#comeback.remedy(trouble);
    if (next.do === 'restart') {
      void this.#restartIce();
      return;
    }
    if (next.do === 'give_up') {
      this.#admission.expire();
      this.#tearDown();
      this.#become({ name: 'refused', code: refusal?.code ?? 'internal', message: refusal?.message ?? '' });
      return;
    }
    if (!this.#comeback.tryAgain()) {
      this.#tearDown();
      this.#become({ name: 'unreachable' });
      return;
    }
    if (refusal === undefined) {
      this.#become({ name: 'reconnecting', attempt: this.#comeback.attempt });
    } else {
      this.#dropLink();
      const placeKept = refusal.place !== undefined;
      this.#become({ name: 'waiting', code: refusal.code, retryInMs: next.afterMs, placeKept });
    }
    this.#comeBack(next.afterMs);
  }

  #comeBack(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { ticket } = this.#admission;
      if (this.#resumable() && ticket !== undefined) void this.#resume(ticket);
      else void this.#join();
    }, afterMs);
  }

  // --- media ---

  #mediaChanged(link: MediaLink): void {
    if (link !== this.#link || this.#state.name !== 'joined') return;
    if (link.health === 'connected') this.#comeback.mediaFlows();
    this.#become({ name: 'joined', media: link.health });
    if (link.health === 'lost') this.#recover({ kind: 'media', resumable: true });
  }

  async #restartIce(): Promise<void> {
    const generation = this.#generation;
    const [link, channel] = [this.#link, this.#channel];
    if (link === undefined || channel === undefined) return;
    this.#comeback.restarts(true);
    try {
      const answer = await channel.request({ type: 'restart', offer: await link.restartOffer() });
      if (generation !== this.#generation) return;
      if (answer.type !== 'restarted') throw new Error(`a restart was answered by ${answer.type}`);
      await link.acceptRestart(answer.answer);
    } catch (error) {
      // A lost socket has its own recovery, after which the restart, which nobody answered, may be
      // tried again; a refused restart leaves only a new connection.
      if (error instanceof SocketLost) {
        if (link === this.#link) this.#comeback.restarts(false);
        return;
      }
      if (generation !== this.#generation) return;
      this.#comeback.forgetSocket();
      this.#recover({ kind: 'media', resumable: false });
    }
  }

  // --- server messages ---

  #receive(event: ServerEvent): void {
    switch (event.type) {
      case 'roster':
      case 'slots':
      case 'speakers':
      case 'room':
        this.#view.receive(event);
        return;
      case 'layers':
        this.#link?.watch(event.source, event.active);
        return;
      case 'line':
        this.#monitor.receive(event);
        return;
      case 'connection':
        if (event.state === 'lost' && this.#state.name === 'joined' && !this.#comeback.restarted) {
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
      this.#comeback.forgetSocket();
      this.#recover({ kind: 'socket', resumable: false });
      return;
    }
    this.#admission.expire();
    this.#tearDown();
    this.#become({ name: 'ended', code, message });
  }

  // --- small parts ---

  #tellPublishing(): void {
    this.#tell({ type: 'publishing', publishing: this.publishing });
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
    this.#comeback.socketLost();
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
    this.#monitor.watch(undefined);
    this.#comeback.restarts(false);
    this.#view.disconnect();
  }

  #tearDown(): void {
    this.#begin();
    this.#wishes.stop();
    this.#dropChannel();
    this.#dropLink();
    this.#view.forget();
  }

  #become(state: SessionState): void {
    this.#state = state;
    this.#turn = turnIn(state, this.#turn, performance.now());
    this.#monitor.enter(state);
    this.emit('state', state);
  }
}
