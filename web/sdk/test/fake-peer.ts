interface FakeTransceiver {
  readonly kind: string;
  readonly direction: string;
  readonly mid: string;
  readonly sender: FakeSender;
  readonly receiver: { readonly track: FakeTrack };
}

export class FakeTrack {
  readonly kind: 'audio' | 'video';
  contentHint = '';
  /** What the track says of its picture; changes as a shared window does. */
  settings: MediaTrackSettings = {};

  constructor(kind: 'audio' | 'video', settings: MediaTrackSettings = {}) {
    this.kind = kind;
    this.settings = settings;
  }

  getSettings(): MediaTrackSettings {
    return this.settings;
  }
}

/** A track as the SDK takes it from a page. */
export function trackOf(
  kind: 'audio' | 'video',
  settings: MediaTrackSettings = {},
): MediaStreamTrack {
  return new FakeTrack(kind, settings) as unknown as MediaStreamTrack;
}

/** Like a real one it minds who changes what: parameters are of the last look, calls in turn. */
export class FakeSender {
  track: unknown = null;
  encodings: RTCRtpEncodingParameters[];
  degradationPreference: RTCDegradationPreference | undefined;
  /** Changes of parameters so far. */
  changes = 0;
  /** The browser refuses them. */
  refuses = false;
  #transaction = 0;
  #busy = false;

  constructor(encodings: RTCRtpEncodingParameters[] = []) {
    this.encodings = encodings;
  }

  async replaceTrack(track: unknown): Promise<void> {
    this.track = track;
  }

  getParameters(): RTCRtpSendParameters {
    this.#transaction += 1;
    return structuredClone({
      transactionId: String(this.#transaction),
      encodings: this.encodings,
    }) as RTCRtpSendParameters;
  }

  async setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    if (this.refuses) throw new DOMException('no', 'InvalidModificationError');
    if (this.#busy || parameters.transactionId !== String(this.#transaction)) {
      throw new DOMException('not in turn', 'InvalidStateError');
    }
    this.#busy = true;
    // Not at once, but without a clock, which belongs to the test.
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    this.#busy = false;
    const rids = ({ rid }: RTCRtpEncodingParameters) => rid;
    if (parameters.encodings.map(rids).join() !== this.encodings.map(rids).join()) {
      throw new DOMException('other encodings', 'InvalidModificationError');
    }
    this.encodings = structuredClone(parameters.encodings);
    this.degradationPreference = parameters.degradationPreference;
    this.changes += 1;
  }

  /** RIDs of what is sent. */
  get sending(): string {
    return this.encodings
      .filter(({ active }) => active === true)
      .map(({ rid }) => rid ?? '-')
      .join('');
  }
}

export class FakeMediaStream {
  readonly tracks: readonly unknown[];

  constructor(tracks: readonly unknown[]) {
    this.tracks = tracks;
  }
}

/** An RTCPeerConnection without media: the test says what its state is. */
export class FakePeer extends EventTarget {
  /** Every connection since `forget()`, in order of making. */
  static readonly all: FakePeer[] = [];
  /** The next answers are refused with this, as broken SDP would be. */
  static answerError: Error | undefined;
  /** No offer can be made: the browser says this. */
  static offerError: Error | undefined;

  /** A browser that takes no encodings of ours. */
  static plainOnly = false;

  static forget(): void {
    FakePeer.all.length = 0;
    FakePeer.plainOnly = false;
    FakePeer.offerError = undefined;
    FakePeer.answerError = undefined;
  }

  static get last(): FakePeer {
    const peer = FakePeer.all.at(-1);
    if (peer === undefined) throw new Error('nobody made a connection');
    return peer;
  }

  readonly transceivers: FakeTransceiver[] = [];
  readonly answers: string[] = [];
  offersMade = 0;
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: { readonly sdp: string } | null = null;
  readonly #number: number;

  constructor() {
    super();
    this.#number = FakePeer.all.push(this);
  }

  addTransceiver(
    kind: 'audio' | 'video',
    { direction, sendEncodings = [] }: RTCRtpTransceiverInit,
  ): FakeTransceiver {
    // As Chromium: a priority is of the whole sender.
    if (sendEncodings.slice(1).some(({ priority }) => priority !== undefined)) {
      throw new DOMException('unimplemented parameter', 'OperationError');
    }
    if (FakePeer.plainOnly && sendEncodings.length > 0) {
      throw new DOMException('unimplemented parameter', 'OperationError');
    }
    const mid = String(this.transceivers.length);
    const receiver = { track: new FakeTrack(kind) };
    const single = direction === 'recvonly' ? [] : [{ active: true }];
    const sender = new FakeSender(structuredClone(sendEncodings.length > 0 ? sendEncodings : single));
    const made = { kind, direction: direction ?? 'sendrecv', mid, sender, receiver };
    this.transceivers.push(made);
    return made;
  }

  getTransceivers(): readonly FakeTransceiver[] {
    return this.transceivers;
  }

  async createOffer(options?: RTCOfferOptions): Promise<{ type: 'offer'; sdp: string }> {
    if (FakePeer.offerError !== undefined) throw FakePeer.offerError;
    this.offersMade += 1;
    const restart = options?.iceRestart === true ? ' restart' : '';
    return { type: 'offer', sdp: `connection ${this.#number} offer ${this.offersMade}${restart}` };
  }

  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
  }

  /** An answer without `a=simulcast` leaves every sender its first encoding. */
  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (FakePeer.answerError !== undefined) throw FakePeer.answerError;
    this.answers.push(sdp);
    if (sdp.includes('a=simulcast:')) return;
    for (const { sender } of this.transceivers) sender.encodings.splice(1);
  }

  /** What the browser counts; the test fills it in. */
  stats: readonly object[] = [];

  async getStats(): Promise<Map<string, object>> {
    return new Map(this.stats.map((entry, index) => [String(index), entry]));
  }

  close(): void {
    this.connectionState = 'closed';
  }

  /** What the browser does when the path changes. */
  turns(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}
