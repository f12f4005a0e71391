import { preferCodecs } from './codecs';
import type { Encryption } from './e2ee/encryption';
import { Emitter } from './emitter';
import { initialEncodings, type SendOptions } from './encodings';
import type { TrackSource } from './protocol';
import type { MediaHealth } from './state';
import { VideoSender } from './video-sender';

/** The server reads sources by the order of m-lines: first sending audio, first sending video, ... */
const SENDING_ORDER: readonly TrackSource[] = ['microphone', 'camera', 'screen', 'screen_audio'];

/** A connection that is `disconnected` this long gets an ICE restart without waiting for `failed`. */
const DISCONNECTED_GRACE_MS = 3_500;
/** From the answer to the first connected transport. */
const CONNECT_TIMEOUT_MS = 15_000;

export interface LinkOptions extends SendOptions {
  readonly audioSlots: number;
  readonly videoSlots: number;
  /** Seals all that is sent and opens all that comes. */
  readonly encryption?: Encryption;
}

interface MediaLinkEvents {
  health: MediaHealth;
}

/**
 * One RTCPeerConnection with a fixed set of m-lines: a sender per source, and slots to receive.
 *
 * Exactly one offer and one answer in its life, plus ICE restarts: everything that starts, stops or
 * changes afterwards is `replaceTrack` here and a slot mapping there.
 */
export class MediaLink extends Emitter<MediaLinkEvents> {
  readonly peer: RTCPeerConnection;
  /** Offer/answer pairs other than ICE restarts: 0 before the answer, then 1 for good. */
  negotiations = 0;
  iceRestarts = 0;
  readonly #audio = new Map<TrackSource, RTCRtpSender>();
  readonly #video = new Map<TrackSource, VideoSender>();
  #health: MediaHealth = 'connecting';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #answer = '';

  constructor({ audioSlots, videoSlots, encryption, ...options }: LinkOptions) {
    super();
    this.peer = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
      ...encryption?.connectionOptions(),
    });
    for (const source of SENDING_ORDER) this.#addSender(source, options);
    for (let slot = 0; slot < audioSlots; slot += 1) {
      this.peer.addTransceiver('audio', { direction: 'recvonly' });
    }
    for (let slot = 0; slot < videoSlots; slot += 1) {
      this.peer.addTransceiver('video', { direction: 'recvonly' });
    }
    // Behind the wishes for codecs: it offers less, and no redundant sound that a browser builds.
    encryption?.protect(this.peer.getTransceivers(), SENDING_ORDER);
    this.peer.addEventListener('connectionstatechange', () => this.#observe());
  }

  get health(): MediaHealth {
    return this.#health;
  }

  /**
   * The offer of the join. Without candidates, on purpose: the server is ICE-lite, never needs
   * ours, and gathering them would only delay the join. Asked again before the answer, the same
   * offer is given again.
   */
  async offer(): Promise<string> {
    if (this.negotiations !== 0) throw new Error('this connection is negotiated already');
    if (this.peer.localDescription !== null) return this.#localSdp();
    await this.peer.setLocalDescription(await this.peer.createOffer());
    return this.#localSdp();
  }

  async accept(answer: string): Promise<void> {
    if (this.negotiations !== 0) throw new Error('this connection is negotiated already');
    this.negotiations += 1;
    this.#answer = answer;
    await this.peer.setRemoteDescription({ type: 'answer', sdp: answer });
    this.#arm(CONNECT_TIMEOUT_MS);
    for (const sender of this.#video.values()) sender.negotiated();
  }

  async restartOffer(): Promise<string> {
    if (!takesSimulcast(this.#answer)) this.peer.getTransceivers().forEach(offerRidsAgain);
    await this.peer.setLocalDescription(await this.peer.createOffer({ iceRestart: true }));
    return this.#localSdp();
  }

  async acceptRestart(answer: string): Promise<void> {
    this.iceRestarts += 1;
    await this.peer.setRemoteDescription({ type: 'answer', sdp: answer });
    this.#arm(CONNECT_TIMEOUT_MS);
  }

  /** Sends `track` as `source` from now on; `null`: nothing. Never renegotiates. */
  async replace(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    if (this.#closed) return;
    await this.#video.get(source)?.replace(track);
    await this.#audio.get(source)?.replaceTrack(track);
  }

  /** The node says which encodings of `source` somebody watches; the others are not sent. */
  watch(source: TrackSource, rids: readonly string[]): void {
    this.#video.get(source)?.watch(rids);
  }

  /** What arrives on the m-line `mid`, or `undefined` if there is none. */
  receiverTrack(mid: string): MediaStreamTrack | undefined {
    return this.peer.getTransceivers().find((transceiver) => transceiver.mid === mid)?.receiver
      .track;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const sender of this.#video.values()) sender.close();
    this.peer.close();
  }

  #addSender(source: TrackSource, options: SendOptions): void {
    const kind = source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video';
    const direction = 'sendonly';
    let transceiver: RTCRtpTransceiver;
    try {
      const sendEncodings = initialEncodings(source, options);
      transceiver = this.peer.addTransceiver(kind, { direction, sendEncodings });
    } catch {
      // A browser that does not take one of our wishes takes part without them.
      transceiver = this.peer.addTransceiver(kind, { direction });
    }
    preferCodecs(transceiver, kind);
    if (source === 'camera' || source === 'screen') {
      this.#video.set(source, new VideoSender(source, transceiver.sender, options));
    } else {
      this.#audio.set(source, transceiver.sender);
    }
  }

  #localSdp(): string {
    const sdp = this.peer.localDescription?.sdp;
    if (sdp === undefined) throw new Error('no local description');
    return sdp;
  }

  #observe(): void {
    switch (this.peer.connectionState) {
      case 'connected':
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#become('connected');
        return;
      case 'disconnected':
        this.#arm(DISCONNECTED_GRACE_MS);
        return;
      case 'failed':
        clearTimeout(this.#timer);
        this.#become('lost');
        return;
      case 'new':
      case 'connecting':
      case 'closed':
        return;
    }
  }

  /** Media is lost unless the path is up again within `ms`. */
  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.peer.connectionState !== 'connected') this.#become('lost');
    }, ms);
  }

  #become(health: MediaHealth): void {
    if (this.#closed || (this.#health === health && health !== 'lost')) return;
    this.#health = health;
    this.emit('health', health);
  }
}

/** Whether an answer lets us send several encodings (RFC 8853 §5.2). */
function takesSimulcast(answer: string): boolean {
  return /^a=simulcast:/m.test(answer);
}

/** What Chromium has of the WebRTC extensions; TypeScript does not know it. */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate?(
    extensions: readonly { uri: string; direction: RTCRtpTransceiverDirection }[],
  ): void;
}

/**
 * Chromium offers simulcast again after it was declined, but not the header extensions that were
 * declined with it, and then refuses its own offer. Without the lines of simulcast it takes the
 * offer, but sends no picture any more.
 */
function offerRidsAgain(transceiver: RTCRtpTransceiver): void {
  const control = transceiver as unknown as ExtensionControl;
  if (transceiver.receiver.track.kind !== 'video' || transceiver.direction !== 'sendonly') return;
  const extensions = control.getHeaderExtensionsToNegotiate?.().map(({ uri, direction }) => ({
    uri,
    direction: /rtp-stream-id$/.test(uri) ? ('sendrecv' as const) : direction,
  }));
  if (extensions !== undefined) control.setHeaderExtensionsToNegotiate?.(extensions);
}
