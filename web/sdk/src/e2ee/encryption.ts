import { Emitter } from '../emitter';
import type { TrackSource } from '../protocol';
import type { Roster } from '../roster';
import type { SlotState } from '../slot-table';
import { isFinal, type SessionState } from '../state';
import { parseKey } from './keys';
import type { FromWorker, Role, ToWorker } from './messages';

export interface EncryptionOptions {
  /** From `newKey` or `keyFromPassphrase`: the same text for everybody in the room. */
  readonly key: string;
  /** Makes the worker; for pages whose bundler does not find `e2ee/worker` by itself. */
  readonly worker?: () => Worker;
}

export interface EncryptionEvents {
  /** Somebody can no longer be read, or again. */
  illegible: ReadonlySet<string>;
  /** The worker could not start: nothing is sent and nothing is shown. */
  failed: void;
}

/** What of a session is looked at; a `Session` fits. */
export interface Encrypted {
  readonly participant: string | undefined;
  readonly roster: Roster;
  readonly peer: RTCPeerConnection | undefined;
  on(event: 'state', listener: (state: SessionState) => void): () => void;
  on(event: 'roster', listener: () => void): () => void;
  on(event: 'slots', listener: (slots: readonly SlotState[]) => void): () => void;
}

type EncodedStreams = { readable: ReadableStream; writable: WritableStream };
type LegacyCoder = (RTCRtpSender | RTCRtpReceiver) & { createEncodedStreams?: () => EncodedStreams };

/** How this browser lets a page at its encoded frames. */
export function encryptionSupport(): 'script_transform' | 'encoded_streams' | 'none' {
  if (typeof RTCRtpScriptTransform === 'function') return 'script_transform';
  const sender = globalThis.RTCRtpSender?.prototype as LegacyCoder | undefined;
  return sender?.createEncodedStreams === undefined ? 'none' : 'encoded_streams';
}

/** Formats that the transform knows; all others are not offered. */
const SENT: Readonly<Record<'audio' | 'video', readonly string[]>> = {
  audio: ['audio/opus'],
  video: ['video/vp8', 'video/h264', 'video/rtx'],
};
const RECEIVED = { audio: [...SENT.audio, 'audio/red'], video: SENT.video };

/** End-to-end encryption of one session: puts a transform into every sender and receiver. */
export class Encryption extends Emitter<EncryptionEvents> {
  readonly #session: Encrypted;
  readonly #makeWorker: () => Worker;
  #key: string;
  #worker: Worker | undefined;
  /** The current connection's receiving transceivers and their numbers, unique over connections. */
  readonly #slots = new Map<RTCRtpTransceiver, number>();
  #slotCount = 0;
  readonly #illegible = new Set<string>();

  constructor(session: Encrypted, options: EncryptionOptions) {
    super();
    if (encryptionSupport() === 'none') throw new Error('no end-to-end encryption in this browser');
    if (parseKey(options.key) === undefined) throw new Error('not a key for end-to-end encryption');
    this.#session = session;
    this.#key = options.key;
    this.#makeWorker = options.worker ?? defaultWorker;
    session.on('state', (state) => this.#follow(state));
    session.on('roster', () => this.#tellPeople());
    session.on('slots', (slots) => this.#tellSlots(slots));
  }

  /** The text that others need to read this client, as given last. */
  get key(): string {
    return this.#key;
  }

  /** Participants who send what this client cannot open. */
  get illegible(): ReadonlySet<string> {
    return this.#illegible;
  }

  /** From now on everybody uses the key that follows from the last one. Nothing to hand out. */
  ratchet(): void {
    this.#tell({ type: 'ratchet' });
  }

  /**
   * Another key, handed out by the page; give it a higher generation than the last one (`key.5`),
   * and frames of either are read while the change is under way.
   */
  use(key: string): void {
    const parsed = parseKey(key);
    if (parsed === undefined) throw new Error('not a key for end-to-end encryption');
    this.#key = key;
    this.#tell({ type: 'key', key: parsed });
  }

  // --- for the connection under the session ---

  /** What a new connection must be made with. */
  connectionOptions(): RTCConfiguration {
    this.#slots.clear();
    return encryptionSupport() === 'encoded_streams'
      ? ({ encodedInsertableStreams: true } as RTCConfiguration)
      : {};
  }

  /** Every transceiver of it, before the offer; the first ones send `sources`, the others receive. */
  protect(transceivers: readonly RTCRtpTransceiver[], sources: readonly TrackSource[]): void {
    transceivers.forEach((transceiver, index) => {
      const kind = transceiver.receiver.track.kind as 'audio' | 'video';
      const source = sources[index];
      offerOnly(transceiver, kind, source === undefined ? RECEIVED[kind] : SENT[kind]);
      if (source === undefined) {
        const slot = this.#slotCount++;
        this.#slots.set(transceiver, slot);
        this.#transform(transceiver.receiver, { side: 'receive', kind, slot });
        return;
      }
      this.#transform(transceiver.sender, { side: 'send', kind, source });
    });
  }

  #transform(coder: RTCRtpSender | RTCRtpReceiver, role: Role): void {
    const worker = this.#start();
    if (encryptionSupport() === 'script_transform') {
      coder.transform = new RTCRtpScriptTransform(worker, role);
      return;
    }
    const streams = (coder as LegacyCoder).createEncodedStreams?.();
    if (streams === undefined) throw new Error('no encoded streams');
    const { readable, writable } = streams;
    worker.postMessage({ type: 'attach', role, readable, writable } satisfies ToWorker, [readable, writable]);
  }

  // --- the worker ---

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = this.#makeWorker();
    worker.addEventListener('error', () => this.emit('failed', undefined));
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    this.#worker = worker;
    this.use(this.#key);
    return worker;
  }

  #receive({ participant, legible }: FromWorker): void {
    if (legible) this.#illegible.delete(participant);
    else this.#illegible.add(participant);
    this.emit('illegible', new Set(this.#illegible));
  }

  #follow(state: SessionState): void {
    if (state.name === 'joined' && this.#session.participant !== undefined) {
      this.#tell({ type: 'self', participant: this.#session.participant });
      return;
    }
    if (!isFinal(state)) return;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#slots.clear();
    this.#illegible.clear();
  }

  #tellPeople(): void {
    const participants = [...this.#session.roster.keys()];
    this.#tell({ type: 'people', participants });
    const gone = [...this.#illegible].filter((participant) => !this.#session.roster.has(participant));
    if (gone.length === 0) return;
    gone.forEach((participant) => this.#illegible.delete(participant));
    this.emit('illegible', new Set(this.#illegible));
  }

  #tellSlots(slots: readonly SlotState[]): void {
    const shown = new Map(slots.map(({ mid, shows }) => [mid, shows]));
    for (const [{ mid }, slot] of this.#slots) {
      const owner = mid === null ? null : (shown.get(mid) ?? null);
      this.#tell({ type: 'shows', slot, owner });
    }
  }

  #tell(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }
}

/** Leaves the browser's order as it is. */
function offerOnly(
  transceiver: RTCRtpTransceiver,
  kind: 'audio' | 'video',
  mimeTypes: readonly string[],
): void {
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const wanted = codecs.filter(({ mimeType }) => mimeTypes.includes(mimeType.toLowerCase()));
  transceiver.setCodecPreferences(wanted);
}

function defaultWorker(): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'e2ee' });
}
