import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakePeer, trackOf } from '../test/fake-peer';
import { MediaLink } from './media-link';
import type { MediaHealth } from './state';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('RTCPeerConnection', FakePeer);
});
afterEach(() => {
  FakePeer.forget();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function made(audioSlots = 1, videoSlots = 2) {
  const link = new MediaLink({ audioSlots, videoSlots });
  const healths: MediaHealth[] = [];
  link.on('health', (health) => healths.push(health));
  return { link, peer: FakePeer.last, healths };
}

async function answered() {
  const all = made();
  await all.link.offer();
  await all.link.accept('an answer');
  return all;
}

describe('the m-lines of a connection', () => {
  it('are a sender for each source in the order of the protocol, then the slots', () => {
    const { peer } = made(2, 3);
    expect(peer.transceivers.map(({ kind, direction }) => `${direction} ${kind}`)).toEqual([
      'sendonly audio',
      'sendonly video',
      'sendonly video',
      'sendonly audio',
      ...Array.from({ length: 2 }, () => 'recvonly audio'),
      ...Array.from({ length: 3 }, () => 'recvonly video'),
    ]);
  });

  it('are the same in a browser that takes no wishes about encodings', () => {
    FakePeer.plainOnly = true;
    const { peer } = made(2, 3);
    expect(peer.transceivers).toHaveLength(9);
    expect(peer.transceivers[1]).toMatchObject({ kind: 'video', direction: 'sendonly' });
    expect(peer.transceivers[1]?.sender.encodings).toHaveLength(1);
  });

  it('say where a track arrives', () => {
    const { link, peer } = made();
    expect(link.receiverTrack('5')).toBe(peer.transceivers[5]?.receiver.track);
    expect(link.receiverTrack('99')).toBeUndefined();
  });
});

describe('negotiation', () => {
  it('offers the same again until it is answered', async () => {
    const { link, peer } = made();
    const first = await link.offer();
    expect(await link.offer()).toBe(first);
    expect(peer.offersMade).toBe(1);
  });

  it('happens once', async () => {
    const { link, peer } = await answered();
    expect(peer.answers).toEqual(['an answer']);
    expect(link.negotiations).toBe(1);
    await expect(link.offer()).rejects.toThrow();
    await expect(link.accept('another')).rejects.toThrow();
    expect(peer.answers).toEqual(['an answer']);
  });

  it('does not count ICE restarts', async () => {
    const { link } = await answered();
    expect(await link.restartOffer()).toContain('restart');
    await link.acceptRestart('an answer to the restart');
    expect(link).toMatchObject({ negotiations: 1, iceRestarts: 1 });
  });
});

const WITH_SIMULCAST = 'an answer\r\na=simulcast:recv q;h;f\r\n';

describe('an answer', () => {
  const HD = { width: 1280, height: 720 };

  async function answeredWith(answer: string) {
    const all = made();
    await all.link.offer();
    await all.link.replace('camera', trackOf('video', HD));
    await all.link.accept(answer);
    await vi.advanceTimersByTimeAsync(0);
    return { ...all, camera: all.peer.transceivers[1]?.sender };
  }

  it('with simulcast leaves all encodings, of which the watched ones are sent', async () => {
    const { link, camera } = await answeredWith(WITH_SIMULCAST);
    expect(camera?.sending).toBe('qhf');
    link.watch('camera', ['h']);
    link.watch('microphone', []);
    await vi.advanceTimersByTimeAsync(1_010);
    expect(camera?.sending).toBe('h');
  });

  it('without it leaves one, in a size for everybody', async () => {
    const { camera } = await answeredWith('an answer');
    expect(camera?.encodings).toMatchObject([{ rid: 'q', scaleResolutionDownBy: 2 }]);
  });

  it('without it does not take the names of encodings out of an ICE restart', async () => {
    const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
    const RID = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
    const offered = async (answer: string) => {
      const { link, peer } = await answeredWith(answer);
      const set = vi.fn();
      for (const transceiver of peer.transceivers) {
        Object.assign(transceiver, {
          getHeaderExtensionsToNegotiate: () => [
            { uri: MID, direction: 'sendrecv' },
            { uri: RID, direction: 'stopped' },
          ],
          setHeaderExtensionsToNegotiate: set,
        });
      }
      await link.restartOffer();
      return set.mock.calls;
    };
    const both = [
      { uri: MID, direction: 'sendrecv' },
      { uri: RID, direction: 'sendrecv' },
    ];
    expect(await offered('an answer')).toEqual([[both], [both]]);
    expect(await offered(WITH_SIMULCAST)).toEqual([]);
  });

  it('may be to an offer of one size of each picture', () => {
    const link = new MediaLink({ audioSlots: 1, videoSlots: 1, simulcast: false });
    const sizes = FakePeer.last.transceivers.map(({ sender }) => sender.encodings.length);
    expect(sizes.slice(0, 4)).toEqual([1, 1, 1, 1]);
    link.close();
  });
});

describe('sending', () => {
  it('puts each source on its own sender', async () => {
    const { link, peer } = made();
    const tracks = [trackOf('audio'), trackOf('video'), trackOf('video'), trackOf('audio')];
    const sources = ['microphone', 'camera', 'screen', 'screen_audio'] as const;
    for (const [index, source] of sources.entries()) {
      await link.replace(source, tracks[index] ?? null);
    }
    expect(peer.transceivers.slice(0, 4).map(({ sender }) => sender.track)).toEqual(tracks);
    expect(tracks.map(({ contentHint }) => contentHint)).toEqual(['', 'motion', 'detail', '']);
  });

  it('stops with null, and does nothing on a closed connection', async () => {
    const { link, peer } = made();
    await link.replace('microphone', trackOf('audio'));
    await link.replace('microphone', null);
    expect(peer.transceivers[0]?.sender.track).toBeNull();
    link.close();
    await link.replace('microphone', trackOf('audio'));
    expect(peer.transceivers[0]?.sender.track).toBeNull();
  });
});

describe('the health of the media path', () => {
  it('is connected when the browser says so, and then stays without a time limit', async () => {
    const { link, peer, healths } = await answered();
    peer.turns('connected');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(healths).toEqual(['connected']);
    expect(link.health).toBe('connected');
  });

  it('is lost when nothing connects within 15 s of the answer', async () => {
    const { healths } = await answered();
    await vi.advanceTimersByTimeAsync(14_999);
    expect(healths).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(healths).toEqual(['lost']);
  });

  it('forgives a short interruption', async () => {
    const { peer, healths } = await answered();
    peer.turns('connected');
    peer.turns('disconnected');
    await vi.advanceTimersByTimeAsync(3_499);
    peer.turns('connected');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(healths).toEqual(['connected']);
  });

  it('is lost after a long one, without waiting for the browser to give up', async () => {
    const { peer, healths } = await answered();
    peer.turns('connected');
    peer.turns('disconnected');
    await vi.advanceTimersByTimeAsync(3_500);
    expect(healths).toEqual(['connected', 'lost']);
  });

  it('is lost at once when the browser gives up', async () => {
    const { peer, healths } = await answered();
    peer.turns('failed');
    expect(healths).toEqual(['lost']);
  });

  it('is told as lost once when the browser gives up during an interruption', async () => {
    const { peer, healths } = await answered();
    peer.turns('connected');
    peer.turns('disconnected');
    await vi.advanceTimersByTimeAsync(3_000);
    peer.turns('failed');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(healths).toEqual(['connected', 'lost']);
  });

  it('is told as lost again when an ICE restart does not help', async () => {
    const { link, peer, healths } = await answered();
    peer.turns('failed');
    await link.restartOffer();
    await link.acceptRestart('an answer to the restart');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(healths).toEqual(['lost', 'lost']);
  });

  it('is not told any more once the connection is closed', async () => {
    const { link, peer, healths } = await answered();
    link.close();
    peer.turns('failed');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(healths).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
