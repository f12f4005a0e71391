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

  constructor(kind: 'audio' | 'video') {
    this.kind = kind;
  }
}

/** A track as the SDK takes it from a page. */
export function trackOf(kind: 'audio' | 'video'): MediaStreamTrack {
  return new FakeTrack(kind) as unknown as MediaStreamTrack;
}

class FakeSender {
  track: unknown = null;

  async replaceTrack(track: unknown): Promise<void> {
    this.track = track;
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

  static forget(): void {
    FakePeer.all.length = 0;
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

  addTransceiver(kind: 'audio' | 'video', { direction }: { direction: string }): FakeTransceiver {
    const mid = String(this.transceivers.length);
    const receiver = { track: new FakeTrack(kind) };
    const made = { kind, direction, mid, sender: new FakeSender(), receiver };
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

  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (FakePeer.answerError !== undefined) throw FakePeer.answerError;
    this.answers.push(sdp);
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
