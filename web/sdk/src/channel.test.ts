import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeSocket } from '../test/fake-socket';
import { Channel, RequestError, SocketLost, type ServerEvent } from './channel';

const URL = 'wss://node/v1/ws';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
});
afterEach(() => {
  FakeSocket.forget();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function opened(): Promise<{ channel: Channel; socket: FakeSocket; lost: () => number }> {
  const opening = Channel.open(URL);
  const socket = FakeSocket.last;
  socket.opens();
  const channel = await opening;
  let losses = 0;
  channel.on('lost', () => (losses += 1));
  return { channel, socket, lost: () => losses };
}

/** Lets what the network said reach who waits for it. */
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('opening a channel', () => {
  it('connects to the address it was given', async () => {
    const { socket } = await opened();
    expect(socket.url).toBe(URL);
  });

  it('fails if the socket closes before it is open', async () => {
    const opening = Channel.open(URL);
    FakeSocket.last.drops();
    await expect(opening).rejects.toBeInstanceOf(SocketLost);
  });

  it('fails after ten seconds of silence, and leaves no socket behind', async () => {
    const opening = Channel.open(URL);
    const failed = expect(opening).rejects.toBeInstanceOf(SocketLost);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(FakeSocket.last.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await failed;
    expect(FakeSocket.last.closed).toBe(true);
  });

  it('fails if the browser does not take the address', async () => {
    vi.stubGlobal('WebSocket', function refuse() {
      throw new SyntaxError('not an address');
    });
    await expect(Channel.open('nonsense')).rejects.toBeInstanceOf(SocketLost);
  });

  it('has no time limit any more once it is open', async () => {
    const { channel } = await opened();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(channel.closed).toBe(false);
  });
});

describe('a request', () => {
  it('gets the answer with its id, in whatever order answers come', async () => {
    const { channel, socket } = await opened();
    const restart = channel.request({ type: 'restart', offer: 'an offer' });
    const ping = channel.request({ type: 'ping' });
    const [first, second] = socket.sent;
    expect(first?.id).not.toBe(second?.id);
    socket.says({ type: 'ok', re: second?.id ?? -1 });
    socket.says({ type: 'restarted', re: first?.id ?? -1, answer: 'an answer' });
    await expect(restart).resolves.toMatchObject({ type: 'restarted', answer: 'an answer' });
    await expect(ping).resolves.toMatchObject({ type: 'ok' });
  });

  it('is sent whole', async () => {
    const { channel, socket } = await opened();
    void channel.request({ type: 'wants', pinned: ['anna'], tiles: [], max_video: 4 });
    expect(socket.request('wants')).toMatchObject({ pinned: ['anna'], max_video: 4 });
  });

  it('takes a refusal as an answer', async () => {
    const { channel, socket } = await opened();
    const asked = channel.request({ type: 'ping' });
    socket.says({ type: 'refused', re: 1, code: 'room_full', message: 'full' });
    await expect(asked).resolves.toMatchObject({ type: 'refused', code: 'room_full' });
  });

  it('fails with the code of the error the server answers', async () => {
    const { channel, socket } = await opened();
    const asked = channel.request({ type: 'ping' });
    socket.says({ type: 'error', re: 1, code: 'rate_limited', message: 'slower' });
    const error = await asked.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: 'rate_limited', message: 'slower' });
  });

  it('is told of its place in the line, and goes on waiting', async () => {
    const { channel, socket } = await opened();
    const places: number[] = [];
    channel.on('queued', ({ position }) => places.push(position));
    const asked = channel.request({ type: 'ping' });
    socket.says({ type: 'queued', re: 1, position: 2, eta_ms: 900 });
    socket.says({ type: 'queued', re: 1, position: 1, eta_ms: 400 });
    socket.says({ type: 'ok', re: 1 });
    await expect(asked).resolves.toMatchObject({ type: 'ok' });
    expect(places).toEqual([2, 1]);
  });

  it('fails when the socket is lost before the answer', async () => {
    const { channel, socket, lost } = await opened();
    const asked = channel.request({ type: 'ping' });
    socket.drops();
    await expect(asked).rejects.toBeInstanceOf(SocketLost);
    expect(lost()).toBe(1);
  });

  it('fails at once on a channel that is closed', async () => {
    const { channel, socket } = await opened();
    socket.drops();
    await expect(channel.request({ type: 'ping' })).rejects.toBeInstanceOf(SocketLost);
    expect(socket.sent).toEqual([]);
  });

  it('beyond 64 without an answer means that the server is gone', async () => {
    const { channel, socket, lost } = await opened();
    const asked = Array.from({ length: 64 }, () => channel.request({ type: 'ping' }));
    expect(lost()).toBe(0);
    const oneMore = channel.request({ type: 'ping' });
    const results = await Promise.allSettled([...asked, oneMore]);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(lost()).toBe(1);
    expect(socket.closed).toBe(true);
    expect(socket.sent).toHaveLength(64);
  });

  it('makes room for another when it is answered', async () => {
    const { channel, socket, lost } = await opened();
    for (let sent = 1; sent <= 200; sent += 1) {
      const asked = channel.request({ type: 'ping' });
      socket.says({ type: 'ok', re: sent });
      await asked;
    }
    expect(lost()).toBe(0);
  });
});

describe('what the server says by itself', () => {
  it('is told as it comes, in order', async () => {
    const { channel, socket } = await opened();
    const told: ServerEvent[] = [];
    channel.on('event', (event) => told.push(event));
    const said: ServerEvent[] = [
      { type: 'roster', joined: [], left: ['ben'], changed: [] },
      { type: 'slots', mapping: [] },
      { type: 'speakers', participants: ['anna'] },
      { type: 'connection', state: 'lost' },
      { type: 'ended', code: 'replaced', message: 'elsewhere' },
    ];
    for (const event of said) socket.says(event);
    expect(told).toEqual(said);
  });

  it('is skipped if it is not understood, and the channel lives on', async () => {
    const { channel, socket, lost } = await opened();
    const told = vi.fn();
    channel.on('event', told);
    channel.on('queued', told);
    const asked = channel.request({ type: 'ping' });
    const junk: unknown[] = [
      '',
      '{',
      'null',
      '7',
      '"ok"',
      '[]',
      '{}',
      '{"type":"invented_tomorrow","re":1}',
      '{"type":7}',
      '{"type":"ok"}',
      '{"type":"ok","re":"1"}',
      '{"type":"ok","re":999}',
      '{"type":"error","code":"bad_message","message":"no id"}',
      '{"type":"error","re":999,"code":"internal","message":"not ours"}',
      new ArrayBuffer(8),
    ];
    for (const data of junk) socket.saysRaw(data);
    await settle();
    expect(told).not.toHaveBeenCalled();
    expect(lost()).toBe(0);
    socket.says({ type: 'ok', re: 1 });
    await expect(asked).resolves.toMatchObject({ type: 'ok' });
  });
});

describe('the heartbeat', () => {
  it('pings often enough for the interval of the server', async () => {
    const { channel, socket } = await opened();
    channel.startHeartbeat(10_000);
    for (let second = 0; second < 60; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      const ping = socket.sent.at(-1);
      if (ping !== undefined) socket.says({ type: 'ok', re: ping.id });
    }
    expect(socket.count('ping')).toBe(10);
    expect(channel.closed).toBe(false);
  });

  it('never pings more than once a second', async () => {
    const { channel, socket } = await opened();
    channel.startHeartbeat(1);
    await vi.advanceTimersByTimeAsync(999);
    expect(socket.count('ping')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.count('ping')).toBe(1);
  });

  it('takes the socket for lost when a ping is not answered before the next is due', async () => {
    const { channel, socket, lost } = await opened();
    channel.startHeartbeat(10_000);
    await vi.advanceTimersByTimeAsync(6_000 + 5_999);
    expect(lost()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(lost()).toBe(1);
    expect(channel.closed).toBe(true);
    expect(socket.closed).toBe(true);
  });

  it('goes on after a ping that the server refused', async () => {
    const { channel, socket, lost } = await opened();
    channel.startHeartbeat(10_000);
    for (let beat = 1; beat <= 5; beat += 1) {
      await vi.advanceTimersByTimeAsync(6_000);
      expect(socket.count('ping')).toBe(beat);
      const { id } = socket.request('ping');
      socket.says({ type: 'error', re: id, code: 'rate_limited', message: 'too many' });
    }
    expect(lost()).toBe(0);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(lost()).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stops with the channel', async () => {
    const { channel, socket } = await opened();
    channel.startHeartbeat(10_000);
    channel.close();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(socket.sent).toEqual([]);
  });
});

describe('the end of a channel', () => {
  it('is a loss when the other side ends it, told once', async () => {
    const { channel, socket, lost } = await opened();
    socket.drops();
    socket.drops();
    await settle();
    expect(lost()).toBe(1);
    expect(channel.closed).toBe(true);
  });

  it('is no loss when we end it', async () => {
    const { channel, socket, lost } = await opened();
    channel.close();
    channel.close();
    await settle();
    expect(socket.closed).toBe(true);
    expect(channel.closed).toBe(true);
    expect(lost()).toBe(0);
  });

  it('fails what was asked, also when we end it', async () => {
    const { channel } = await opened();
    const asked = channel.request({ type: 'ping' });
    channel.close();
    await expect(asked).rejects.toBeInstanceOf(SocketLost);
  });

  it('is the end of events too', async () => {
    const { channel, socket } = await opened();
    const told = vi.fn();
    channel.on('event', told);
    channel.close();
    socket.says({ type: 'speakers', participants: ['anna'] });
    expect(told).not.toHaveBeenCalled();
  });
});
