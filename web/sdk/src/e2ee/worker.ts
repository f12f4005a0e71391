/**
 * The worker in which frames are sealed and opened, so that a busy page delays no media. Only glue:
 * streams of the browser on one side, messages of the page on the other.
 */
import { KeyRing } from './key-ring';
import { layoutOf } from './layout-of';
import { Legibility } from './legibility';
import type { FromWorker, Role, ToWorker } from './messages';
import { Opener } from './opener';
import { AudioReceiver, People, VideoReceiver, type Receiver } from './receiver';
import { Sealer } from './sealer';

type Frame = (RTCEncodedVideoFrame | RTCEncodedAudioFrame) & { readonly type?: string };
type Metadata = RTCEncodedFrameMetadata & { readonly mimeType?: string };

interface Transformer {
  readonly options: Role;
  readonly readable: ReadableStream<Frame>;
  readonly writable: WritableStream<Frame>;
  sendKeyFrameRequest?: () => Promise<unknown>;
}

const scope = self as unknown as {
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage: (message: FromWorker) => void;
};

/** Frames sealed with the former key are still under way this long. */
const RETIRE_AFTER_MS = 10_000;
const KEYFRAME_REQUEST_EVERY_MS = 1_000;

const ring = new KeyRing();
const opener = new Opener(ring);
const people = new People();
const legibility = new Legibility();
const receivers = new Map<number, Receiver>();
let participant: string | undefined;

const now = (): number => performance.now();

scope.onrtctransform = ({ transformer }) => {
  const { options, readable, writable } = transformer;
  attach(options, readable, writable, () => void transformer.sendKeyFrameRequest?.().catch(() => undefined));
};

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case 'key':
      ring.use(data.key.bytes, data.key.generation);
      opener.forget();
      setTimeout(() => ring.retire(), RETIRE_AFTER_MS);
      return;
    case 'ratchet':
      ring.ratchet();
      return;
    case 'self':
      participant = data.participant;
      return;
    case 'people':
      people.are(data.participants);
      legibility.keep(new Set(data.participants));
      return;
    case 'shows':
      receivers.get(data.slot)?.shows(data.owner);
      return;
    case 'attach':
      attach(data.role, data.readable, data.writable, () => undefined);
      return;
  }
};

function attach(
  role: Role,
  readable: ReadableStream<Frame>,
  writable: WritableStream<Frame>,
  requestKeyframe: () => void,
): void {
  const transform = role.side === 'send' ? sending(role) : receiving(role, requestKeyframe);
  // Ends with the connection, by an error or not: there is nobody to tell.
  readable
    .pipeThrough(new TransformStream({ transform }))
    .pipeTo(writable)
    .catch(() => undefined);
}

type Transform = (
  frame: Frame,
  controller: TransformStreamDefaultController<Frame>,
) => Promise<void>;

function sending({ kind, source }: Role & { side: 'send' }): Transform {
  const sealer = new Sealer(ring);
  return async (frame, controller) => {
    // Before the node said who this client is, nothing leaves; and nothing ever in the clear.
    if (participant === undefined) return;
    const plain = new Uint8Array(frame.data);
    const layout = layoutOf(kind, mimeTypeOf(frame), plain);
    if (layout === undefined) return;
    const sealed = await sealer.seal(plain, layout, { participant, source });
    if (sealed === undefined) return;
    frame.data = sealed.buffer;
    controller.enqueue(frame);
  };
}

function receiving({ kind, slot }: Role & { side: 'receive' }, requestKeyframe: () => void): Transform {
  const receiver =
    kind === 'audio' ? new AudioReceiver(opener, people) : new VideoReceiver(opener, now);
  receivers.set(slot, receiver);
  let incomplete = false;
  let requestedAt = -Infinity;
  return async (frame, controller) => {
    const isRed = mimeTypeOf(frame)?.toLowerCase() === 'audio/red';
    const outcome = await receiver.open(new Uint8Array(frame.data), isRed);
    if ('refused' in outcome) {
      if (outcome.refused === 'replayed') return;
      incomplete = true;
      if (outcome.who !== null) tell(outcome.who.participant, false);
      return;
    }
    tell(outcome.who.participant, true);
    if (frame.type === 'key') incomplete = false;
    if (incomplete && frame.type === 'delta' && now() - requestedAt > KEYFRAME_REQUEST_EVERY_MS) {
      // What came before could not be opened, so the decoder has nothing to build on.
      requestedAt = now();
      requestKeyframe();
    }
    frame.data = outcome.frame.buffer;
    controller.enqueue(frame);
  };
}

function tell(of: string, opened: boolean): void {
  const legible = opened ? legibility.opened(of) : legibility.failed(of, now());
  if (legible !== undefined) scope.postMessage({ type: 'legible', participant: of, legible });
}

function mimeTypeOf(frame: Frame): string | undefined {
  return (frame.getMetadata() as Metadata).mimeType;
}
