import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakePeer } from '../../test/fake-peer';
import {
  aJoiningSession,
  answer,
  aSession,
  aSessionInClass,
  fakeBrowser,
  joined,
  realBrowser,
} from '../../test/session-harness';
import { FakeSocket } from '../../test/fake-socket';
import { person } from '../../test/people';
import { newKey, parseKey } from './keys';
import type { FromWorker, Role, ToWorker } from './messages';

class FakeWorker extends EventTarget {
  static readonly all: FakeWorker[] = [];
  readonly told: ToWorker[] = [];
  ended = false;

  constructor() {
    super();
    FakeWorker.all.push(this);
  }
  postMessage(message: ToWorker): void {
    this.told.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
  says(message: FromWorker): void {
    this.dispatchEvent(new MessageEvent('message', { data: message }));
  }
  last<T extends ToWorker['type']>(type: T): Extract<ToWorker, { type: T }> | undefined {
    return this.told.findLast((message) => message.type === type) as never;
  }
}

class FakeTransform {
  readonly role: Role;
  constructor(_worker: unknown, role: Role) {
    this.role = role;
  }
}

interface Protected {
  readonly sender: { transform?: FakeTransform };
  readonly receiver: { transform?: FakeTransform };
  offers?: readonly string[];
}

const CODECS = {
  audio: ['audio/opus', 'audio/red', 'audio/PCMU'],
  video: ['video/VP8', 'video/rtx', 'video/H264', 'video/AV1', 'video/VP9', 'video/red'],
};
const KEY = newKey();
const e2ee = { key: KEY, worker: () => new FakeWorker() as unknown as Worker };

/** A transceiver that takes preferences, as the browser's do. */
class EncryptingPeer extends FakePeer {
  static readonly made: RTCConfiguration[] = [];
  constructor(configuration?: RTCConfiguration) {
    super();
    EncryptingPeer.made.push(configuration ?? {});
  }
  override addTransceiver(kind: 'audio' | 'video', init: RTCRtpTransceiverInit) {
    const made = super.addTransceiver(kind, init);
    return Object.assign(made, {
      setCodecPreferences(codecs: readonly { mimeType: string }[]) {
        (made as unknown as Protected).offers = codecs.map(({ mimeType }) => mimeType);
      },
    });
  }
}

beforeEach(() => {
  fakeBrowser();
  FakeWorker.all.length = 0;
  EncryptingPeer.made.length = 0;
  vi.stubGlobal('navigator', { userAgent: 'Chrome/150' });
  vi.stubGlobal('RTCPeerConnection', EncryptingPeer);
  vi.stubGlobal('RTCRtpScriptTransform', FakeTransform);
  vi.stubGlobal('RTCRtpReceiver', {
    getCapabilities: (kind: 'audio' | 'video') => ({
      codecs: CODECS[kind].map((mimeType) => ({ mimeType })),
    }),
  });
});
afterEach(realBrowser);

const transceivers = (): readonly Protected[] =>
  FakePeer.last.transceivers as unknown as readonly Protected[];
const worker = (): FakeWorker => {
  const last = FakeWorker.all.at(-1);
  if (last === undefined) throw new Error('no worker');
  return last;
};

describe('an encrypted session', () => {
  it('has a transform in every sender and every receiver before its offer', async () => {
    await aJoiningSession({ e2ee, audioSlots: 2, videoSlots: 3 });
    const roles = transceivers().map(
      ({ sender, receiver }) => sender.transform?.role ?? receiver.transform?.role,
    );
    expect(roles).toEqual([
      { side: 'send', kind: 'audio', source: 'microphone' },
      { side: 'send', kind: 'video', source: 'camera' },
      { side: 'send', kind: 'video', source: 'screen' },
      { side: 'send', kind: 'audio', source: 'screen_audio' },
      { side: 'receive', kind: 'audio', slot: 0 },
      { side: 'receive', kind: 'audio', slot: 1 },
      { side: 'receive', kind: 'video', slot: 2 },
      { side: 'receive', kind: 'video', slot: 3 },
      { side: 'receive', kind: 'video', slot: 4 },
    ]);
    expect(FakeWorker.all).toHaveLength(1);
    expect(worker().last('key')?.key).toEqual(parseKey(KEY));
  });

  it('offers only formats whose front the transform knows', async () => {
    await aJoiningSession({ e2ee, audioSlots: 1, videoSlots: 1 });
    const video = ['video/VP8', 'video/rtx', 'video/H264'];
    expect(transceivers().map(({ offers }) => offers)).toEqual([
      ['audio/opus'],
      video,
      video,
      ['audio/opus'],
      ['audio/opus', 'audio/red'],
      video,
    ]);
  });

  it('tells the worker who this is, who is there and whom each slot shows', async () => {
    await aJoiningSession({ e2ee, audioSlots: 1, videoSlots: 1 });
    const shows = { participant: 'anna', source: 'camera' as const };
    expect(worker().last('self')).toBeUndefined();
    await answer('join', joined({ mapping: [{ mid: '5', shows }] }));
    expect(worker().last('self')).toEqual({ type: 'self', participant: 'me' });
    expect(worker().last('people')).toEqual({ type: 'people', participants: ['me', 'anna'] });
    expect(worker().told.slice(-2)).toEqual([
      { type: 'shows', slot: 0, owner: null },
      { type: 'shows', slot: 1, owner: shows },
    ]);
    FakeSocket.last.says({ type: 'slots', mapping: [] });
    expect(worker().last('shows')).toEqual({ type: 'shows', slot: 1, owner: null });
  });

  it('has new slots with a new connection, in the same worker', async () => {
    const { session } = await aSessionInClass({ e2ee, audioSlots: 1, videoSlots: 1 });
    FakeSocket.last.says({ type: 'ended', code: 'draining', message: '' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakePeer.all.length).toBeGreaterThan(1);
    expect(FakeWorker.all).toHaveLength(1);
    const slots = transceivers().map(({ receiver }) => receiver.transform?.role);
    expect(slots.filter(Boolean)).toEqual([
      { side: 'receive', kind: 'audio', slot: 2 },
      { side: 'receive', kind: 'video', slot: 3 },
    ]);
    session.leave();
  });

  it('says who cannot be read, until they can or are gone', async () => {
    const { session } = await aSessionInClass({ e2ee });
    const seen: string[][] = [];
    session.encryption?.on('illegible', (people) => seen.push([...people]));
    worker().says({ type: 'legible', participant: 'anna', legible: false });
    worker().says({ type: 'legible', participant: 'anna', legible: true });
    worker().says({ type: 'legible', participant: 'anna', legible: false });
    FakeSocket.last.says({ type: 'roster', joined: [person('ben')], left: ['anna'], changed: [] });
    expect(seen).toEqual([['anna'], [], ['anna'], []]);
    expect(session.encryption?.illegible.size).toBe(0);
  });

  it('ends its worker when it ends', async () => {
    const { session } = await aSessionInClass({ e2ee });
    session.leave();
    expect(worker().ended).toBe(true);
  });

  it('takes another key and ratchets on demand', async () => {
    const { session } = await aSessionInClass({ e2ee });
    const next = `${newKey()}.3`;
    session.encryption?.use(next);
    expect(worker().last('key')?.key).toEqual(parseKey(next));
    expect(session.encryption?.key).toBe(next);
    expect(() => session.encryption?.use('nonsense')).toThrow();
    session.encryption?.ratchet();
    expect(worker().told.at(-1)).toEqual({ type: 'ratchet' });
  });

  it('says when its worker cannot start', async () => {
    const { session } = await aSessionInClass({ e2ee });
    const failed = vi.fn();
    session.encryption?.on('failed', failed);
    worker().dispatchEvent(new Event('error'));
    expect(failed).toHaveBeenCalledOnce();
  });

  it('is never made half: no key, or no way to a frame, is an error', () => {
    expect(() => aSession({ e2ee: { key: 'short' } })).toThrow();
    vi.stubGlobal('RTCRtpScriptTransform', undefined);
    expect(() => aSession({ e2ee })).toThrow();
  });
});

describe('in a browser with encoded streams only', () => {
  it('hands the streams to the worker', async () => {
    const streams = { readable: 'readable', writable: 'writable' };
    vi.stubGlobal('RTCRtpScriptTransform', undefined);
    const make = (): unknown => streams;
    vi.stubGlobal('RTCRtpSender', { prototype: { createEncodedStreams: make } });
    const addTransceiver = EncryptingPeer.prototype.addTransceiver;
    vi.spyOn(EncryptingPeer.prototype, 'addTransceiver').mockImplementation(function (
      this: EncryptingPeer,
      ...args
    ) {
      const made = addTransceiver.apply(this, args);
      Object.assign(made.sender, { createEncodedStreams: make });
      Object.assign(made.receiver, { createEncodedStreams: make });
      return made;
    });
    await aJoiningSession({ e2ee, audioSlots: 1, videoSlots: 1 });
    expect(EncryptingPeer.made.at(-1)).toMatchObject({ encodedInsertableStreams: true });
    const attached = worker().told.filter((message) => message.type === 'attach');
    expect(attached).toHaveLength(6);
    expect(attached[0]).toMatchObject({ role: { side: 'send', source: 'microphone' }, ...streams });
  });
});

describe('a session without encryption', () => {
  it('has no worker and no transform', async () => {
    const { session } = await aSessionInClass();
    expect(session.encryption).toBeUndefined();
    expect(FakeWorker.all).toHaveLength(0);
    expect(transceivers().some(({ sender, receiver }) => sender.transform ?? receiver.transform)).toBe(false);
    expect(transceivers()[0]?.offers).toEqual(['audio/red', 'audio/opus', 'audio/PCMU']);
  });
});
