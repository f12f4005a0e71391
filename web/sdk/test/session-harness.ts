import { vi } from 'vitest';

import type { Person, ServerMessage } from '../src/protocol';
import { Session } from '../src/session';
import type { SessionOptions } from '../src/session-options';
import type { SessionState } from '../src/state';
import { TicketStore } from '../src/ticket-store';
import { FakeMediaStream, FakePeer } from './fake-peer';
import { FakeSocket } from './fake-socket';
import { memoryStorage } from './memory-storage';
import { person } from './people';

type Of<T extends ServerMessage['type']> = Omit<Extract<ServerMessage, { type: T }>, 're'>;

/** How long the server of these tests remembers a lost socket. */
export const RESUME_MS = 30_000;
export const TICKET = { participant: 'me', secret: 'of me' };
export const ME = person('me');
export const ANNA = person('anna');

/** Replaces the browser: sockets, connections, clock and dice are the test's. */
export function fakeBrowser(): void {
  vi.useFakeTimers();
  FakeSocket.answersPings = true;
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('RTCPeerConnection', FakePeer);
  vi.stubGlobal('MediaStream', FakeMediaStream);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
}

export function realBrowser(): void {
  FakeSocket.forget();
  FakePeer.forget();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** The node's answers, as far as these tests need them. */
export function joined(differs: Partial<Of<'joined'>> = {}): Of<'joined'> {
  return {
    type: 'joined',
    participant: 'me',
    ticket: TICKET,
    answer: 'an answer',
    publish: [],
    slots: [
      { mid: '4', kind: 'audio' },
      { mid: '5', kind: 'video' },
    ],
    mapping: [],
    roster: [ME, ANNA],
    speakers: [],
    room: { room: 'math-7b', max_participants: 40 },
    warnings: [],
    heartbeat_ms: 10_000,
    resume_ms: RESUME_MS,
    ...differs,
  };
}

export function resumed(roster: Person[] = [ME, ANNA]): Of<'resumed'> {
  return {
    type: 'resumed',
    mapping: [],
    roster,
    speakers: [],
    room: { room: 'math-7b', max_participants: 40 },
  };
}

export function refused(code: Of<'refused'>['code'], retryAfterMs?: number): Of<'refused'> {
  return {
    type: 'refused',
    code,
    message: `it is ${code}`,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  };
}

/** Answers the newest `request` of the newest socket. */
export async function answer(
  request: 'join' | 'resume' | 'restart',
  with_: Of<'joined'> | Of<'resumed'> | Of<'refused'> | Of<'restarted'> | Of<'ok'> | Of<'error'>,
): Promise<void> {
  const { id } = FakeSocket.last.request(request);
  FakeSocket.last.says({ ...with_, re: id } as ServerMessage);
  await settle();
}

export interface Stay {
  readonly session: Session;
  readonly tickets: TicketStore;
  /** Every state since the session was made, in order. */
  readonly states: SessionState[];
}

export function aSession(options: SessionOptions = {}): Stay {
  const tickets = options.tickets ?? new TicketStore(memoryStorage());
  const session = new Session({ url: 'wss://node/v1/ws', ...options, tickets });
  const states: SessionState[] = [];
  session.on('state', (state) => states.push(state));
  return { session, tickets, states };
}

/** The newest socket opens, and whoever waits for it goes on. */
export async function socketOpens(): Promise<void> {
  await settle();
  FakeSocket.last.opens();
  await settle();
}

/** A session on its way in: the join is sent and not answered. */
export async function aJoiningSession(options: SessionOptions = {}): Promise<Stay> {
  const stay = aSession(options);
  stay.session.connect('math-7b', 'a.b.c');
  await socketOpens();
  return stay;
}

/** A session in class, with sound and picture. */
export async function aSessionInClass(options: SessionOptions = {}): Promise<Stay> {
  const stay = await aJoiningSession(options);
  await answer('join', joined());
  FakePeer.last.turns('connected');
  return stay;
}
