import type { Encryption } from './e2ee/encryption';
import { Emitter } from './emitter';
import type { TrackSource } from './protocol';
import type { MediaHealth } from './state';

/** Bits per second and frames per second a source may use. */
export interface SourceLimits {
  readonly maxBitrate: number;
  readonly maxFramerate?: number;
}

/**
 * One camera stream of good classroom size, a screen whose text stays readable, speech. The sum is
 * what a home connection with 5 Mbit/s upstream can hold beside other traffic.
 */
export const SOURCE_LIMITS: Readonly<Record<TrackSource, SourceLimits>> = {
  microphone: { maxBitrate: 40_000 },
  camera: { maxBitrate: 700_000, maxFramerate: 24 },
  screen: { maxBitrate: 2_000_000, maxFramerate: 15 },
  screen_audio: { maxBitrate: 96_000 },
};

/** The server reads sources by the order of m-lines: first sending audio, first sending video, ... */
const SENDING_ORDER: readonly TrackSource[] = ['microphone', 'camera', 'screen', 'screen_audio'];

/** A connection that is `disconnected` this long gets an ICE restart without waiting for `failed`. */
const DISCONNECTED_GRACE_MS = 3_500;
/** From the answer to the first connected transport. */
const CONNECT_TIMEOUT_MS = 15_000;

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
  readonly #senders = new Map<TrackSource, RTCRtpSender>();
  #health: MediaHealth = 'connecting';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(audioSlots: number, videoSlots: number, encryption?: Encryption) {
    super();
    const encrypted = encryption?.connectionOptions();
    this.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', ...encrypted });
    for (const source of SENDING_ORDER) this.#addSender(source);
    for (let slot = 0; slot < audioSlots; slot += 1) {
      this.peer.addTransceiver('audio', { direction: 'recvonly' });
    }
    for (let slot = 0; slot < videoSlots; slot += 1) {
      this.peer.addTransceiver('video', { direction: 'recvonly' });
    }
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
    await this.peer.setRemoteDescription({ type: 'answer', sdp: answer });
    this.#arm(CONNECT_TIMEOUT_MS);
  }

  async restartOffer(): Promise<string> {
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
    if (track !== null && track.kind === 'video') {
      track.contentHint = source === 'screen' ? 'detail' : 'motion';
    }
    await this.#senders.get(source)?.replaceTrack(track);
  }

  /** What arrives on the m-line `mid`, or `undefined` if there is none. */
  receiverTrack(mid: string): MediaStreamTrack | undefined {
    return this.peer.getTransceivers().find((transceiver) => transceiver.mid === mid)?.receiver
      .track;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.peer.close();
  }

  #addSender(source: TrackSource): void {
    const kind = source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video';
    const transceiver = this.peer.addTransceiver(kind, {
      direction: 'sendonly',
      sendEncodings: [{ ...SOURCE_LIMITS[source] }],
    });
    this.#senders.set(source, transceiver.sender);
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
