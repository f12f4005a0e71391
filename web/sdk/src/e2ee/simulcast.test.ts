import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ANNA, bytes, FRAMES, join, noise, ring } from '../../test/e2ee/frames';
import { watchIvs } from '../../test/e2ee/watch-ivs';
import { readTrailer } from './format';
import type { Role, ToWorker } from './messages';
import { Opener } from './opener';
import { VideoReceiver } from './receiver';
import { Sealer } from './sealer';

/** A frame of one encoding as the browser hands it to the sender's transform, and takes it back. */
interface EncodedFrame {
  data: ArrayBuffer;
  readonly ssrc: number;
  readonly getMetadata: () => object;
}

interface WorkerScope {
  onmessage: (event: { data: ToWorker }) => void;
  onrtctransform: (event: { transformer: object }) => void;
}

/** A sender's encodings by SSRC. */
const ENCODINGS = [101, 102, 103];
const MOMENTS = 40;
const KEYFRAME = FRAMES[0]?.frame ?? bytes();
const INTERFRAME = FRAMES[1]?.frame ?? bytes();

/** Moment after moment a frame of each encoding, all with the same front, none with the same secret. */
const FRAMES_OF_ALL: readonly EncodedFrame[] = Array.from({ length: MOMENTS }, (_, moment) =>
  ENCODINGS.map((ssrc) => ({
    data: join(moment === 0 ? KEYFRAME : INTERFRAME, noise(40, moment * 1_000 + ssrc)).buffer,
    ssrc,
    getMetadata: () => ({ synchronizationSource: ssrc, mimeType: 'video/VP8' }),
  })),
).flat();

const nameOf = (frame: Uint8Array): string => {
  const { counter, salt } = readTrailer(frame) ?? { counter: -1, salt: bytes() };
  return `${salt.join('.')} ${counter}`;
};

/** What the worker makes of `frames`, which come to the one transform of the camera's sender. */
async function throughTheWorker(frames: readonly EncodedFrame[]): Promise<readonly EncodedFrame[]> {
  const scope = { postMessage: () => undefined } as unknown as WorkerScope;
  vi.stubGlobal('self', scope);
  await import('./worker');
  scope.onmessage({ data: { type: 'key', key: { bytes: noise(32, 1), generation: 0 } } });
  scope.onmessage({ data: { type: 'self', participant: ANNA.participant } });
  const sent: EncodedFrame[] = [];
  const ended = new Promise<void>((done) => {
    const options: Role = { side: 'send', kind: 'video', source: ANNA.source };
    const writable = new WritableStream<EncodedFrame>({
      write: (frame) => void sent.push(frame),
      close: done,
    });
    const readable = new ReadableStream<EncodedFrame>({
      start(controller) {
        for (const frame of frames) controller.enqueue({ ...frame });
        controller.close();
      },
    });
    scope.onrtctransform({ transformer: { options, readable, writable } });
  });
  await ended;
  return sent;
}

beforeEach(() => vi.resetModules());
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('the encodings of one sender', () => {
  it('are sealed with one key, and no counter comes twice over all of them', async () => {
    const used = watchIvs();
    const sent = await throughTheWorker(FRAMES_OF_ALL);
    expect(sent.map(({ ssrc }) => ssrc)).toEqual(FRAMES_OF_ALL.map(({ ssrc }) => ssrc));
    expect(new Set(used.map((pair) => pair.split(' ')[0])).size).toBe(1);
    expect(new Set(used).size).toBe(FRAMES_OF_ALL.length);
    const names = sent.map(({ data }) => nameOf(new Uint8Array(data)));
    expect(new Set(names).size).toBe(FRAMES_OF_ALL.length);
  });

  it('would not be safe with a counter for each under one salt: the watch above sees it', async () => {
    const used = watchIvs();
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => array);
    const perEncoding = new Map(ENCODINGS.map((ssrc) => [ssrc, new Sealer(ring())]));
    for (const { data, ssrc } of FRAMES_OF_ALL) {
      await perEncoding.get(ssrc)?.seal(new Uint8Array(data), 'vp8', ANNA);
    }
    expect(new Set(used).size).toBe(MOMENTS);
  });

  it('are opened by who is switched between them, and frames of the one before may come late', async () => {
    const sent = await throughTheWorker(FRAMES_OF_ALL);
    const receiver = new VideoReceiver(new Opener(ring()), () => 0);
    receiver.shows(ANNA);
    const shown = (moment: number): number => Math.floor(moment / 10) % ENCODINGS.length;
    const order = Array.from({ length: MOMENTS }, (_, moment) => moment * ENCODINGS.length + shown(moment));
    // The last frame before each switch is lost and comes, repaired, three frames later.
    for (const at of [9, 19, 29]) order.splice(at + 3, 0, ...order.splice(at, 1));
    expect(order).toHaveLength(MOMENTS);
    for (const place of order) {
      const frame = new Uint8Array(sent[place]?.data ?? new ArrayBuffer(0));
      const outcome = await receiver.open(frame);
      const plain = new Uint8Array(FRAMES_OF_ALL[place]?.data ?? new ArrayBuffer(0));
      expect(outcome).toEqual({ frame: plain, who: ANNA });
      expect(await receiver.open(frame)).toEqual({ refused: 'replayed', who: ANNA });
    }
  });
});
