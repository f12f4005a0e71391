import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakePeer, trackOf } from '../test/fake-peer';
import { FakeSocket } from '../test/fake-socket';
import { person } from '../test/people';
import {
  aJoiningSession,
  answer,
  ANNA,
  aSession,
  aSessionInClass,
  fakeBrowser,
  joined,
  ME,
  realBrowser,
  refused,
  settle,
  socketOpens,
  TICKET,
} from '../test/session-harness';
import type { RosterDelta } from './roster';

beforeEach(fakeBrowser);
afterEach(realBrowser);

describe('joining', () => {
  it('takes one socket, one request and one connection', async () => {
    const { session } = await aSessionInClass();
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakeSocket.last.sent.map(({ type }) => type)).toEqual(['join']);
    expect(FakePeer.all).toHaveLength(1);
    expect(session.stats).toEqual({ negotiations: 1, iceRestarts: 0, connections: 1, resumes: 0 });
  });

  it('goes from connecting over joined to connected', async () => {
    const { states } = await aSessionInClass();
    expect(states).toEqual([
      { name: 'connecting', attempt: 0 },
      { name: 'joined', media: 'connecting' },
      { name: 'joined', media: 'connected' },
    ]);
  });

  it('sends room, token, offer and what is live, and no ticket the first time', async () => {
    const { session } = aSession({ client: { name: 'test', version: '7' } });
    await session.publish('microphone', trackOf('audio'));
    session.connect('math-7b', 'a.b.c');
    await socketOpens();
    const { id: _, ...join } = FakeSocket.last.request('join');
    expect(join).toEqual({
      type: 'join',
      room: 'math-7b',
      token: 'a.b.c',
      offer: 'connection 1 offer 1',
      client: { name: 'test', version: '7' },
      publishing: { microphone: true, camera: false, screen: false },
    });
  });

  it('uses the answer of the server, and has the slots and the people it names', async () => {
    const { session } = await aJoiningSession();
    const shows = { participant: 'anna', source: 'camera' as const };
    await answer('join', joined({ mapping: [{ mid: '5', shows }], speakers: ['anna'] }));
    expect(FakePeer.last.answers).toEqual(['an answer']);
    expect(session.participant).toBe('me');
    expect([...session.roster.values()]).toEqual([ME, ANNA]);
    expect(session.speakers).toEqual(['anna']);
    expect(session.room?.max_participants).toBe(40);
    expect(session.slots.map((slot) => slot.shows)).toEqual([null, shows]);
  });

  it('tells of its place in the line', async () => {
    const { session } = await aJoiningSession();
    const { id } = FakeSocket.last.request('join');
    FakeSocket.last.says({ type: 'queued', re: id, position: 3, eta_ms: 1_200 });
    expect(session.state).toEqual({ name: 'queued', position: 3, etaMs: 1_200 });
    await answer('join', joined());
    expect(session.state.name).toBe('joined');
  });

  it('passes on what of the offer cannot be used', async () => {
    const { session } = await aJoiningSession();
    const warned = vi.fn();
    session.on('warnings', warned);
    await answer('join', joined({ warnings: ['video_codec_unsupported'] }));
    expect(warned).toHaveBeenCalledExactlyOnceWith(['video_codec_unsupported']);
  });

  it('twice at once is a mistake of the page', async () => {
    const { session } = await aSessionInClass();
    expect(() => session.connect('math-7b', 'a.b.c')).toThrow();
  });

  it('ends as refused if the browser cannot use the answer', async () => {
    const { session } = await aJoiningSession();
    FakePeer.answerError = new Error('broken SDP');
    await answer('join', joined());
    expect(session.state).toEqual({ name: 'refused', code: 'internal', message: 'broken SDP' });
    expect(FakePeer.last.connectionState).toBe('closed');
  });

  it('leaves no socket open if the browser cannot make an offer', async () => {
    FakePeer.offerError = new Error('no codecs');
    const { session } = await aJoiningSession();
    expect(session.state).toMatchObject({ name: 'refused', message: 'no codecs' });
    expect(FakeSocket.last.closed).toBe(true);
  });

  it('names a stable code even for an error of the browser that has a code itself', async () => {
    const { session } = await aJoiningSession();
    FakePeer.answerError = new DOMException('broken SDP', 'InvalidAccessError');
    await answer('join', joined());
    expect(session.state).toMatchObject({ name: 'refused', code: 'internal' });
  });
});

describe('the ticket', () => {
  it('is kept, and shown by a reloaded page with the same token', async () => {
    const { tickets } = await aSessionInClass();
    await aJoiningSession({ tickets });
    expect(FakeSocket.last.request('join').resume).toEqual(TICKET);
  });

  it('is not shown for another token, which may be of another person', async () => {
    const { tickets } = await aSessionInClass();
    const { session } = aSession({ tickets });
    session.connect('math-7b', 'another.token.x');
    await socketOpens();
    expect(FakeSocket.last.request('join').resume).toBeUndefined();
  });

  it('is dropped, and the join tried without it, if the server does not know it', async () => {
    const { tickets } = await aSessionInClass();
    const { session } = await aJoiningSession({ tickets });
    await answer('join', refused('resume_unknown'));
    expect(tickets.load('math-7b')).toBeUndefined();
    expect(session.state.name).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(200);
    await socketOpens();
    expect(FakeSocket.last.request('join').resume).toBeUndefined();
    await answer('join', joined());
    expect(session.state.name).toBe('joined');
  });
});

describe('a refusal', () => {
  it('without a time is final: nothing is tried again, nothing left open', async () => {
    const { session, tickets } = await aJoiningSession();
    await answer('join', refused('bad_token'));
    const final = { name: 'refused', code: 'bad_token', message: 'it is bad_token' };
    expect(session.state).toEqual(final);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(session.state).toEqual(final);
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakeSocket.last.closed).toBe(true);
    expect(FakePeer.last.connectionState).toBe('closed');
    expect(tickets.load('math-7b')).toBeUndefined();
  });

  it('with a time is waited out, never sooner, and then the join is tried again', async () => {
    const { session } = await aJoiningSession();
    await answer('join', refused('room_full', 4_000));
    expect(session.state).toEqual({
      name: 'waiting',
      code: 'room_full',
      retryInMs: 5_000,
      placeKept: false,
    });
    expect(session.turn).toBeNull();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(2);
    await socketOpens();
    await answer('join', joined());
    expect(session.state.name).toBe('joined');
  });

  it('can be tried again at once if the person wants to', async () => {
    const { session } = await aJoiningSession();
    await answer('join', refused('room_full', 4_000));
    session.retryNow();
    await socketOpens();
    await answer('join', joined());
    await vi.advanceTimersByTimeAsync(5_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(session.state.name).toBe('joined');
  });

  it('after which the person may try again by connecting', async () => {
    const { session } = await aJoiningSession();
    await answer('join', refused('bad_token'));
    session.connect('math-7b', 'better.token.x');
    await socketOpens();
    expect(FakeSocket.last.request('join').token).toBe('better.token.x');
  });

  it('as an error keeps its code', async () => {
    const { session } = await aJoiningSession();
    await answer('join', { type: 'error', code: 'bad_message', message: 'what?' });
    expect(session.state).toEqual({ name: 'refused', code: 'bad_message', message: 'what?' });
  });
});

describe('in class', () => {
  it('the roster follows the server, and the page hears what changed', async () => {
    const { session } = await aSessionInClass();
    const deltas: RosterDelta[] = [];
    session.on('roster', (delta) => deltas.push(delta));
    const ben = person('ben');
    FakeSocket.last.says({ type: 'roster', joined: [ben], left: ['anna'], changed: [] });
    expect([...session.roster.keys()]).toEqual(['me', 'ben']);
    expect(deltas).toMatchObject([{ joined: [ben], left: ['anna'], changed: [] }]);
  });

  it('slots and speakers follow the server', async () => {
    const { session } = await aSessionInClass();
    const shows = { participant: 'anna', source: 'screen' as const };
    FakeSocket.last.says({ type: 'slots', mapping: [{ mid: '5', shows }] });
    FakeSocket.last.says({ type: 'speakers', participants: ['anna'] });
    expect(session.slots[1]?.shows).toEqual(shows);
    expect(session.speakers).toEqual(['anna']);
  });

  it('each slot keeps one stream, made of what arrives on its own m-line', async () => {
    const { session } = await aSessionInClass();
    const before = session.slots.map(({ stream }) => stream);
    const shows = { participant: 'anna', source: 'camera' as const };
    FakeSocket.last.says({ type: 'slots', mapping: [{ mid: '5', shows }] });
    expect(session.slots.map(({ stream }) => stream)).toEqual(before);
    expect(session.slots[1]?.stream).toBe(before[1]);
    expect(before[1]).toMatchObject({ tracks: [FakePeer.last.transceivers[5]?.receiver.track] });
  });

  it('a camera that starts is told without a new negotiation', async () => {
    const { session } = await aSessionInClass();
    const track = trackOf('video');
    await session.publish('camera', track);
    expect(FakePeer.last.transceivers[1]?.sender.track).toBe(track);
    expect(FakePeer.last.offersMade).toBe(1);
    const { publishing } = FakeSocket.last.request('publishing');
    expect(publishing).toEqual({ microphone: false, camera: true, screen: false });
  });

  it('the node says which encodings of it are watched', async () => {
    const { session } = await aJoiningSession();
    await answer('join', joined({ answer: 'a=simulcast:recv q;h;f' }));
    await session.publish('camera', trackOf('video', { width: 1280, height: 720 }));
    FakeSocket.last.says({ type: 'layers', source: 'camera', active: ['q'] });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(FakePeer.last.transceivers[1]?.sender.sending).toBe('q');
  });

  it('the quality is what the node says of the line, as long as the connection lasts', async () => {
    const { session } = await aSessionInClass();
    const told: string[] = [];
    session.on('quality', (quality) => told.push(quality?.level ?? 'none'));
    const line = { downlink_kbps: 60, video: 'off', reason: 'narrow', uplink: 'good' } as const;
    FakeSocket.last.says({ type: 'line', ...line });
    expect(session.line).toEqual(line);
    expect(session.quality).toEqual({ level: 'bad', reason: 'narrow' });
    FakeSocket.last.drops();
    expect(session.quality?.level).toBe('lost');
    session.leave();
    expect(session.line).toBeNull();
    expect(told).toEqual(['bad', 'lost', 'none']);
  });

  it('another camera is not told, for nobody has to know', async () => {
    const { session } = await aSessionInClass();
    await session.publish('camera', trackOf('video'));
    await session.publish('camera', trackOf('video'));
    expect(FakeSocket.last.count('publishing')).toBe(1);
  });

  it('what started while the join was under way is told after it', async () => {
    const { session } = await aJoiningSession();
    await session.publish('microphone', trackOf('audio'));
    await answer('join', joined());
    expect(FakeSocket.last.request('publishing').publishing.microphone).toBe(true);
    expect(FakePeer.last.transceivers[0]?.sender.track).not.toBeNull();
  });

  it('wishes are told, those from before the join as well', async () => {
    const { session } = await aJoiningSession();
    session.setWants(['anna']);
    await answer('join', joined());
    expect(FakeSocket.last.request('wants')).toMatchObject({ pinned: ['anna'] });
    session.setWants([], 4);
    expect(FakeSocket.last.request('wants')).toMatchObject({ pinned: [], max_video: 4 });
  });
});

describe('leaving', () => {
  it('says so, closes everything and forgets the ticket', async () => {
    const { session, tickets, states } = await aSessionInClass();
    session.leave();
    session.leave();
    expect(states.filter(({ name }) => name === 'left')).toHaveLength(1);
    expect(session.slots).toEqual([]);
    expect(session.roster.size).toBe(0);
    expect(session.participant).toBeUndefined();
    expect(tickets.load('math-7b')).toBeUndefined();
    expect(FakePeer.last.connectionState).toBe('closed');
    const { id } = FakeSocket.last.request('leave');
    expect(FakeSocket.last.closed).toBe(false);
    FakeSocket.last.says({ type: 'ok', re: id });
    await settle();
    expect(FakeSocket.last.closed).toBe(true);
  });

  it('while joining makes the answer come too late', async () => {
    const { session, tickets } = await aJoiningSession();
    session.leave();
    await answer('join', joined());
    expect(session.state.name).toBe('left');
    expect(tickets.load('math-7b')).toBeUndefined();
    expect(FakePeer.last.answers).toEqual([]);
  });

  it('before the socket is open closes it once it opens', async () => {
    const { session } = aSession();
    session.connect('math-7b', 'a.b.c');
    session.leave();
    await socketOpens();
    expect(FakeSocket.last.sent).toEqual([]);
    expect(FakeSocket.last.closed).toBe(true);
    expect(session.state.name).toBe('left');
  });

  it('ends waiting for another try', async () => {
    const { session } = await aJoiningSession();
    await answer('join', refused('room_full', 1_000));
    session.leave();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(session.state.name).toBe('left');
  });
});
