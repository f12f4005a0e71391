import { isFinal, Session } from '@firstbell/sdk';

import { peekToken } from '../address';
import { fetchConfig, fetchDevToken } from '../api';
import { lineOf, sampleOf, type LineResult, type Sample } from './line';
import { testSignal } from './test-signal';

/** Rooms for checks, one for each: a token for any other room stays unused, somebody might be there. */
export const CHECK_ROOM_PREFIX = 'check-';

export type LineStep = 'server' | 'socket' | 'media' | 'measure';

const SOCKET_TIMEOUT_MS = 8_000;
/** Longer than the session's own first try takes to give up on a path. */
const MEDIA_TIMEOUT_MS = 20_000;
const MEASURE_MS = 9_000;
const SAMPLE_EVERY_MS = 1_000;

interface LineCheck {
  /** From the address; made for a check room by the school's platform. */
  readonly token: string | undefined;
  readonly onStep: (step: LineStep) => void;
  readonly signal: AbortSignal;
}

/**
 * Joins a room of its own, sends noise into it and, where it may join twice, receives it there: what
 * comes through is what a class would get.
 */
export async function checkLine({ token, onStep, signal }: LineCheck): Promise<LineResult> {
  onStep('server');
  const config = await fetchConfig().catch(() => undefined);
  if (config === undefined) return { reached: 'nothing' };
  onStep('socket');
  if (!(await socketOpens())) return { reached: 'server' };
  signal.throwIfAborted();

  const pass = await passes(token, config.dev);
  if (pass === undefined) return { reached: 'socket', why: 'no_token' };
  onStep('media');
  const [sender, receiver] = pass.tokens.map(
    () => new Session({ videoSlots: 2, audioSlots: 1, client: { name: 'firstbell-check', version: '0.1.0' } }),
  );
  if (sender === undefined) return { reached: 'socket', why: 'no_token' };
  const sessions = receiver === undefined ? [sender] : [sender, receiver];
  const source = testSignal();
  try {
    await sender.publish('camera', source.camera);
    await sender.publish('screen', source.screen);
    await sender.publish('microphone', source.sound);
    sessions.forEach((session, index) => session.connect(pass.room, pass.tokens[index] ?? ''));
    const ways = await Promise.all(sessions.map((session) => mediaFlows(session, signal)));
    if (ways.includes('refused')) return { reached: 'socket', why: 'refused' };
    if (ways.includes('blocked')) return { reached: 'join' };
    onStep('measure');
    const [up = [], down = []] = await measure(sessions, signal);
    return { reached: 'media', line: lineOf(up, down) };
  } finally {
    sessions.forEach((session) => session.leave());
    source.stop();
  }
}

interface Passes {
  readonly room: string;
  /** One or two. */
  readonly tokens: readonly string[];
}

async function passes(token: string | undefined, dev: boolean): Promise<Passes | undefined> {
  if (token !== undefined) {
    const { room } = peekToken(token);
    return room?.startsWith(CHECK_ROOM_PREFIX) === true ? { room, tokens: [token] } : undefined;
  }
  if (!dev) return undefined;
  const room = CHECK_ROOM_PREFIX + crypto.randomUUID().slice(0, 8);
  const ask = (name: string): Promise<string> => fetchDevToken({ room, name, role: 'pupil' });
  try {
    return { room, tokens: await Promise.all([ask('up'), ask('down')]) };
  } catch {
    return undefined;
  }
}

function socketOpens(): Promise<boolean> {
  const url = new URL('/v1/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  const socket = new WebSocket(url);
  return new Promise((done) => {
    const end = (opened: boolean): void => {
      clearTimeout(timer);
      socket.close();
      done(opened);
    };
    const timer = setTimeout(() => end(false), SOCKET_TIMEOUT_MS);
    socket.addEventListener('open', () => end(true));
    socket.addEventListener('error', () => end(false));
  });
}

function mediaFlows(session: Session, signal: AbortSignal): Promise<'flows' | 'blocked' | 'refused'> {
  return new Promise((done, failed) => {
    const look = (): void => {
      const { state } = session;
      if (state.name === 'joined' && state.media === 'connected') end('flows');
      else if (state.name === 'waiting' || (state.name !== 'idle' && isFinal(state))) end('refused');
    };
    const stop = session.on('state', look);
    const abort = (): void => {
      stop();
      clearTimeout(timer);
      failed(signal.reason as Error);
    };
    const end = (way: 'flows' | 'blocked' | 'refused'): void => {
      stop();
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      done(way);
    };
    const timer = setTimeout(() => end('blocked'), MEDIA_TIMEOUT_MS);
    signal.addEventListener('abort', abort, { once: true });
    look();
  });
}

/** The samples of each session, in order of time. */
async function measure(
  sessions: readonly Session[],
  signal: AbortSignal,
): Promise<readonly (readonly Sample[])[]> {
  const samples: Sample[][] = sessions.map(() => []);
  const end = performance.now() + MEASURE_MS;
  while (performance.now() < end) {
    signal.throwIfAborted();
    await Promise.all(
      sessions.map(async ({ peer }, index) => {
        const stats = await peer?.getStats();
        if (stats !== undefined) samples[index]?.push(sampleOf(performance.now(), stats.values()));
      }),
    );
    await new Promise((done) => setTimeout(done, SAMPLE_EVERY_MS));
  }
  return samples;
}
