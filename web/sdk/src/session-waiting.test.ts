import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeSocket } from '../test/fake-socket';
import {
  aJoiningSession,
  answer,
  aSessionInClass,
  fakeBrowser,
  joined,
  realBrowser,
  refused,
  resumed,
  settle,
  socketOpens,
} from '../test/session-harness';

beforeEach(fakeBrowser);
afterEach(realBrowser);

const PLACE = 'a place in the queue';
const sentAway = (retryAfterMs: number, place = PLACE) => ({ ...refused('overloaded', retryAfterMs), place });

function queued(position: number, etaMs: number): void {
  const { id } = FakeSocket.last.request('join');
  FakeSocket.last.says({ type: 'queued', re: id, position, eta_ms: etaMs });
}

describe('somebody whose place is kept', () => {
  it('comes back just at the time named, and shows the place', async () => {
    const { session } = await aJoiningSession();
    expect(FakeSocket.last.request('join').place).toBeUndefined();
    await answer('join', sentAway(4_000));
    expect(session.state).toEqual({ name: 'waiting', code: 'overloaded', retryInMs: 4_000, placeKept: true });
    await vi.advanceTimersByTimeAsync(3_999);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await socketOpens();
    expect(FakeSocket.all).toHaveLength(2);
    expect(FakeSocket.last.request('join')).toMatchObject({ room: 'math-7b', place: PLACE });
  });

  it('has one turn from the refusal through the next try to the queue', async () => {
    const { session } = await aJoiningSession();
    const turns: (number | null | undefined)[] = [];
    session.on('state', ({ name }) => turns.push(name === 'left' ? null : session.turn?.position));
    const start = performance.now();
    await answer('join', sentAway(4_000));
    expect(session.turn).toEqual({ position: null, at: start + 4_000 });
    await vi.advanceTimersByTimeAsync(4_000);
    expect(session.state.name).toBe('connecting');
    expect(session.turn).toEqual({ position: null, at: start + 4_000 });
    await socketOpens();
    queued(7, 2_500);
    expect(session.turn).toEqual({ position: 7, at: start + 6_500 });
    queued(6, 2_000);
    await answer('join', joined());
    expect(session.turn).toBeNull();
    expect(turns).toEqual([null, null, 7, 6, undefined]);
  });

  it('shows each place once: the next refusal brings another', async () => {
    await aJoiningSession();
    for (const place of ['first', 'second']) {
      await answer('join', sentAway(1_000, place));
      await vi.advanceTimersByTimeAsync(1_000);
      await socketOpens();
      expect(FakeSocket.last.request('join').place).toBe(place);
    }
    await answer('join', refused('node_full', 1_000));
    await vi.advanceTimersByTimeAsync(1_500);
    await socketOpens();
    expect(FakeSocket.last.request('join').place).toBeUndefined();
  });

  it('shows it also when the socket did not open at first', async () => {
    await aJoiningSession();
    await answer('join', sentAway(1_000));
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.drops();
    await settle();
    await vi.advanceTimersByTimeAsync(15_000);
    await socketOpens();
    expect(FakeSocket.last.request('join').place).toBe(PLACE);
  });

  it('tries no more often than the budget has, and may be asked again by the person', async () => {
    const { session } = await aJoiningSession();
    for (let tried = 0; tried < 100 && session.state.name !== 'unreachable'; tried += 1) {
      await answer('join', sentAway(1));
      await vi.advanceTimersByTimeAsync(1);
      if (session.state.name === 'connecting') await socketOpens();
    }
    expect(session.state).toEqual({ name: 'unreachable' });
    expect(session.turn).toBeNull();
    const tries = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(FakeSocket.all).toHaveLength(tries);
    session.connect('math-7b', 'a.b.c');
    await socketOpens();
    expect(FakeSocket.last.request('join').place).toBe(PLACE);
  });
});

describe('what the node can give now', () => {
  it('is told when it changes, and with every whole state', async () => {
    const { session } = await aSessionInClass();
    const services: unknown[] = [];
    session.on('room', ({ service }) => services.push(service));
    const room = { room: 'math-7b', max_participants: 40 };
    FakeSocket.last.says({ type: 'room', room: { ...room, service: 'thumbnails_limited' } });
    expect(session.room?.service).toBe('thumbnails_limited');
    FakeSocket.last.drops();
    await vi.advanceTimersByTimeAsync(200);
    await socketOpens();
    await answer('resume', resumed());
    expect(session.room?.service).toBeUndefined();
    expect(services).toEqual(['thumbnails_limited', undefined]);
  });
});
