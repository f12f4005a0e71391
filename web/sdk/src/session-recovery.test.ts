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
  RESUME_MS,
  resumed,
  settle,
  socketOpens,
  TICKET,
  type Stay,
} from '../test/session-harness';

beforeEach(fakeBrowser);
afterEach(realBrowser);

/** Random numbers are 0.5 here: the first wait is half of 400 ms, and each next twice as long. */
const FIRST_WAIT_MS = 200;

const tries = (): string[] =>
  FakeSocket.all.flatMap(({ sent }) =>
    sent.flatMap(({ type }) => (type === 'join' || type === 'resume' ? [type] : [])),
  );

describe('a socket that is lost in class', () => {
  it('is resumed with the ticket, and the media connection stays', async () => {
    const { session, states } = await aSessionInClass();
    FakeSocket.last.drops();
    expect(session.state).toEqual({ name: 'reconnecting', attempt: 1 });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    expect(FakeSocket.last.request('resume').ticket).toEqual(TICKET);
    await answer('resume', resumed());
    expect(session.state).toEqual({ name: 'joined', media: 'connected' });
    expect(states.map(({ name }) => name)).not.toContain('refused');
    expect(FakePeer.all).toHaveLength(1);
    expect(session.stats).toEqual({ negotiations: 1, iceRestarts: 0, connections: 1, resumes: 1 });
  });

  it('is noticed by the heartbeat when nobody says so', async () => {
    const { session } = await aSessionInClass();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state.name).toBe('joined');
    FakeSocket.answersPings = false;
    await vi.advanceTimersByTimeAsync(12_000);
    expect(session.state.name).toBe('reconnecting');
  });

  it('is tried again later and later', async () => {
    const { session } = await aSessionInClass();
    FakeSocket.last.drops();
    for (const wait of [200, 400, 800, 1_600]) {
      const before = FakeSocket.all.length;
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(FakeSocket.all).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.all).toHaveLength(before + 1);
      FakeSocket.last.drops();
      await settle();
    }
    expect(session.state).toEqual({ name: 'reconnecting', attempt: 5 });
  });

  it('can be tried at once if the person wants to', async () => {
    const { session } = await aSessionInClass();
    FakeSocket.last.drops();
    session.retryNow();
    await socketOpens();
    await answer('resume', resumed());
    expect(session.state.name).toBe('joined');
  });

  it('starts from the shortest wait again after it came back', async () => {
    const { session } = await aSessionInClass();
    for (let loss = 0; loss < 3; loss += 1) {
      FakeSocket.last.drops();
      expect(session.state).toEqual({ name: 'reconnecting', attempt: 1 });
      await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
      await socketOpens();
      await answer('resume', resumed());
    }
    expect(session.stats.resumes).toBe(3);
  });

  it('means a new join once the server has forgotten us', async () => {
    const { session } = await aSessionInClass();
    FakeSocket.last.drops();
    for (let passed = 0; passed <= RESUME_MS; passed += 15_000) {
      await vi.advanceTimersByTimeAsync(15_000);
      FakeSocket.last.drops();
    }
    while (FakeSocket.last.closed) await vi.advanceTimersByTimeAsync(100);
    await socketOpens();
    expect(tries()).toEqual(['join', 'join']);
    expect(FakeSocket.last.request('join').resume).toEqual(TICKET);
    await answer('join', joined());
    expect(session.stats).toMatchObject({ connections: 2, resumes: 0, negotiations: 1 });
  });

  it('tells after the resume what changed meanwhile, here and there', async () => {
    const { session } = await aSessionInClass();
    const told = vi.fn();
    session.on('roster', told);
    FakeSocket.last.drops();
    await session.publish('microphone', trackOf('audio'));
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    const ben = person('ben');
    await answer('resume', resumed([ME, ben]));
    expect(told).toHaveBeenCalledExactlyOnceWith({ joined: [ben], left: ['anna'], changed: [] });
    expect(FakeSocket.last.request('publishing').publishing.microphone).toBe(true);
  });

  it('tells after the resume whom the person pinned meanwhile', async () => {
    const { session } = await aSessionInClass();
    FakeSocket.last.drops();
    session.setWants(['anna'], 4);
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('resume', resumed());
    expect(FakeSocket.last.request('wants')).toMatchObject({ pinned: ['anna'], max_video: 4 });
  });
});

describe('how large tracks are shown', () => {
  const tile = (participant: string, height: number) => ({ participant, source: 'camera', height });

  it('is told again after a resume and after a new join, of who is still here', async () => {
    const { session } = await aSessionInClass();
    session.showTile('anna', 'camera', 360);
    session.showTile('ben', 'camera', 0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.last.request('wants').tiles).toEqual([tile('anna', 360), tile('ben', 0)]);
    FakeSocket.last.drops();
    session.showTile('anna', 'camera', 180);
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('resume', resumed());
    expect(FakeSocket.last.request('wants').tiles).toEqual([tile('anna', 180)]);
    FakeSocket.last.says({ type: 'ended', code: 'draining', message: 'update' });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('join', joined());
    expect(FakeSocket.last.request('wants').tiles).toEqual([tile('anna', 180)]);
    expect(FakeSocket.last.count('wants')).toBe(1);
  });
});

describe('a resume that the server refuses', () => {
  async function refusedResume(): Promise<Stay> {
    const stay = await aSessionInClass();
    FakeSocket.last.drops();
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('resume', refused('resume_unknown'));
    return stay;
  }

  it('does not end the session', async () => {
    const { session } = await refusedResume();
    expect(session.state).toEqual({ name: 'reconnecting', attempt: 2 });
  });

  it('is followed by a join, not by another resume', async () => {
    const { session } = await refusedResume();
    await vi.advanceTimersByTimeAsync(2 * FIRST_WAIT_MS);
    await socketOpens();
    expect(tries()).toEqual(['join', 'resume', 'join']);
    await answer('join', joined());
    expect(session.state.name).toBe('joined');
    expect(session.stats.connections).toBe(2);
  });
});

describe('a join that gets no answer', () => {
  it('offers the same connection again when the socket is lost', async () => {
    const { session } = await aJoiningSession();
    const { offer } = FakeSocket.last.request('join');
    FakeSocket.last.drops();
    await settle();
    expect(session.state).toEqual({ name: 'reconnecting', attempt: 1 });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    expect(FakeSocket.last.request('join').offer).toBe(offer);
    expect(FakePeer.all).toHaveLength(1);
    expect(session.stats.connections).toBe(1);
  });

  it('makes no second connection however often the node cannot be reached', async () => {
    const { session } = aSession();
    session.connect('math-7b', 'a.b.c');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await settle();
      FakeSocket.last.drops();
      await vi.advanceTimersByTimeAsync(15_000);
    }
    await socketOpens();
    await answer('join', joined());
    expect(FakePeer.all).toHaveLength(1);
    expect(FakePeer.last.offersMade).toBe(1);
    expect(session.stats).toMatchObject({ connections: 1, negotiations: 1 });
  });

  it('gives up when the tries are used up, and may be connected again', async () => {
    const { session } = aSession();
    session.connect('math-7b', 'a.b.c');
    for (let attempt = 0; attempt < 100 && session.state.name !== 'unreachable'; attempt += 1) {
      await settle();
      FakeSocket.last.drops();
      await vi.advanceTimersByTimeAsync(15_000);
    }
    expect(session.state).toEqual({ name: 'unreachable' });
    expect(FakePeer.last.connectionState).toBe('closed');
    const sockets = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(FakeSocket.all).toHaveLength(sockets);
    session.connect('math-7b', 'a.b.c');
    expect(session.state).toEqual({ name: 'connecting', attempt: 0 });
  });
});

describe('media that is lost while the socket lives', () => {
  it('gets an ICE restart on the same connection', async () => {
    const { session } = await aSessionInClass();
    FakePeer.last.turns('failed');
    await settle();
    expect(session.state).toEqual({ name: 'joined', media: 'lost' });
    expect(FakeSocket.last.request('restart').offer).toContain('restart');
    await answer('restart', { type: 'restarted', answer: 'a new path' });
    FakePeer.last.turns('connected');
    expect(session.state).toEqual({ name: 'joined', media: 'connected' });
    expect(session.stats).toMatchObject({ iceRestarts: 1, connections: 1, negotiations: 1 });
  });

  it('gets it as well when only the server notices', async () => {
    await aSessionInClass();
    FakeSocket.last.says({ type: 'connection', state: 'lost' });
    await settle();
    expect(FakeSocket.last.count('restart')).toBe(1);
  });

  it('gets one restart, even if both sides notice', async () => {
    const { session } = await aSessionInClass();
    FakePeer.last.turns('failed');
    FakeSocket.last.says({ type: 'connection', state: 'lost' });
    await settle();
    expect(FakeSocket.last.count('restart')).toBe(1);
    expect(session.state).toEqual({ name: 'joined', media: 'lost' });
  });

  it('gets a new connection when the restart does not help', async () => {
    const { session } = await aSessionInClass();
    FakePeer.last.turns('failed');
    await settle();
    await answer('restart', { type: 'restarted', answer: 'a new path' });
    await vi.advanceTimersByTimeAsync(15_000);
    expect(session.state.name).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('join', joined());
    expect(FakePeer.all.map(({ connectionState }) => connectionState)).toEqual(['closed', 'new']);
    expect(session.stats).toMatchObject({ connections: 2, negotiations: 1, iceRestarts: 0 });
  });

  it('gets a new connection when the server refuses the restart', async () => {
    await aSessionInClass();
    FakePeer.last.turns('failed');
    await settle();
    await answer('restart', { type: 'error', code: 'bad_offer', message: 'no' });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    expect(tries()).toEqual(['join', 'join']);
  });

  it('gets a new connection when the server answers with something else', async () => {
    await aSessionInClass();
    FakePeer.last.turns('failed');
    await settle();
    await answer('restart', { type: 'ok' });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    expect(tries()).toEqual(['join', 'join']);
  });

  it('gets its restart after the resume when the socket was lost as well', async () => {
    const { session } = await aSessionInClass();
    FakeSocket.last.drops();
    FakePeer.last.turns('failed');
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('resume', resumed());
    expect(session.state).toEqual({ name: 'joined', media: 'lost' });
    expect(FakeSocket.last.count('restart')).toBe(1);
  });

  it('gets its restart after the resume when the socket died with the restart', async () => {
    const { session } = await aSessionInClass();
    FakePeer.last.turns('failed');
    await settle();
    FakeSocket.last.drops();
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    await answer('resume', resumed());
    expect(session.state).toEqual({ name: 'joined', media: 'lost' });
    expect(FakeSocket.last.count('restart')).toBe(1);
  });

  it('may get another restart the next time', async () => {
    const { session } = await aSessionInClass();
    for (let loss = 0; loss < 2; loss += 1) {
      FakePeer.last.turns('failed');
      await settle();
      await answer('restart', { type: 'restarted', answer: 'a new path' });
      FakePeer.last.turns('connected');
    }
    expect(session.stats).toMatchObject({ iceRestarts: 2, connections: 1 });
  });
});

describe('a new connection', () => {
  it('sends again what the person was sending', async () => {
    const { session } = await aSessionInClass();
    const camera = trackOf('video');
    await session.publish('camera', camera);
    FakeSocket.last.says({ type: 'ended', code: 'draining', message: 'update' });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    expect(FakePeer.all).toHaveLength(2);
    expect(FakePeer.last.transceivers[1]?.sender.track).toBe(camera);
    expect(FakeSocket.last.request('join').publishing.camera).toBe(true);
  });
});

describe('an end told by the server', () => {
  it('is final when somebody decided it', async () => {
    const { session, tickets } = await aSessionInClass();
    FakeSocket.last.says({ type: 'ended', code: 'replaced', message: 'elsewhere' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state).toEqual({ name: 'ended', code: 'replaced', message: 'elsewhere' });
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakePeer.last.connectionState).toBe('closed');
    expect(tickets.load('math-7b')).toBeUndefined();
  });

  it('means a join, not a resume, when the node goes', async () => {
    await aSessionInClass();
    FakeSocket.last.says({ type: 'ended', code: 'draining', message: 'update' });
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    expect(tries()).toEqual(['join', 'join']);
    expect(FakeSocket.last.request('join').resume).toEqual(TICKET);
  });

  async function endedWhileResuming(): Promise<Stay> {
    const stay = await aSessionInClass();
    FakeSocket.last.drops();
    await vi.advanceTimersByTimeAsync(FIRST_WAIT_MS);
    await socketOpens();
    FakeSocket.last.says({ type: 'ended', code: 'draining', message: 'update' });
    await settle();
    return stay;
  }

  it('means a join as well when it comes while we resume', async () => {
    await endedWhileResuming();
    await vi.advanceTimersByTimeAsync(4 * FIRST_WAIT_MS);
    await socketOpens();
    expect(tries()).toEqual(['join', 'resume', 'join']);
  });

  it('counts as one failed try when it comes while we resume', async () => {
    const { session } = await endedWhileResuming();
    expect(session.state).toEqual({ name: 'reconnecting', attempt: 2 });
  });

  it('leaves the people of before in the roster until the new ones are known', async () => {
    const { session } = await aSessionInClass();
    FakeSocket.last.says({ type: 'ended', code: 'draining', message: 'update' });
    expect([...session.roster.values()]).toEqual([ME, ANNA]);
  });
});
