import { Emitter } from './emitter';
import type { ClientMessage, ErrorCode, Request, ServerMessage } from './protocol';

/** Server messages that answer nothing: what happened, rather than what was asked. */
export type ServerEvent = Extract<
  ServerMessage,
  { type: 'roster' | 'slots' | 'speakers' | 'room' | 'connection' | 'layers' | 'line' | 'ended' }
>;
/** Final answers to a request. */
export type Answer = Extract<
  ServerMessage,
  { type: 'joined' | 'resumed' | 'refused' | 'restarted' | 'ok' }
>;
export type Queued = Extract<ServerMessage, { type: 'queued' }>;

/** The server answered a request with `error`. */
export class RequestError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
  }
}

/** The socket closed, or did not open, before the answer came. */
export class SocketLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SocketLost';
  }
}

/** What a failed request means to a session that ends by it. */
export function faultOf(error: unknown): { code: ErrorCode; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  // Only the server's own errors carry a code of the protocol; a browser's are numbers.
  return { code: error instanceof RequestError ? error.code : 'internal', message };
}

interface ChannelEvents {
  event: ServerEvent;
  queued: Queued;
  /** The socket is gone. Emitted once, and not after `close()`. */
  lost: void;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A connect that takes longer has failed. */
const OPEN_TIMEOUT_MS = 10_000;
/** Requests awaiting their answer. The SDK has a handful; more means the server stopped answering. */
const MAX_PENDING = 64;

/** One WebSocket: requests with answers by id, events, heartbeats. Never reconnects. */
export class Channel extends Emitter<ChannelEvents> {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #closed = false;
  #heartbeat: ReturnType<typeof setTimeout> | undefined;

  private constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.addEventListener('message', (message) => this.#receive(message.data));
    socket.addEventListener('close', () => this.#lose('closed by the server or the network'));
  }

  /** Lost, or closed by this client. A loss before `lost` was listened to shows only here. */
  get closed(): boolean {
    return this.#closed;
  }

  static open(url: string): Promise<Channel> {
    return new Promise((resolve, reject) => {
      let socket: WebSocket;
      try {
        socket = new WebSocket(url);
      } catch (error) {
        reject(new SocketLost(String(error)));
        return;
      }
      const fail = (): void => {
        clearTimeout(timer);
        socket.close();
        reject(new SocketLost('could not connect'));
      };
      const timer = setTimeout(fail, OPEN_TIMEOUT_MS);
      socket.addEventListener('close', fail, { once: true });
      socket.addEventListener(
        'open',
        () => {
          clearTimeout(timer);
          socket.removeEventListener('close', fail);
          resolve(new Channel(socket));
        },
        { once: true },
      );
    });
  }

  /** Sends a request; resolves with its answer (`refused` is an answer, `error` rejects). */
  request(request: Request): Promise<Answer> {
    if (this.#closed) return Promise.reject(new SocketLost('the socket is closed'));
    if (this.#pending.size >= MAX_PENDING) {
      this.#lose('the server stopped answering');
      return Promise.reject(new SocketLost('the server stopped answering'));
    }
    const id = this.#nextId++;
    const message: ClientMessage = { id, ...request };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify(message));
    });
  }

  /**
   * Pings often enough for a server that wants one every `intervalMs`. An answer that is missing
   * when the next ping is due means that the socket is dead, however alive the browser thinks it.
   */
  startHeartbeat(intervalMs: number): void {
    const period = Math.max(1_000, intervalMs * 0.6);
    const beat = async (): Promise<void> => {
      const overdue = setTimeout(() => this.#lose('no answer to a ping'), period);
      try {
        await this.request({ type: 'ping' });
      } catch {
        // A lost socket has told so itself; a server that refuses a ping (too many messages) is
        // alive, and wants the next one.
      } finally {
        clearTimeout(overdue);
      }
      if (!this.#closed) this.#heartbeat = setTimeout(() => void beat(), period);
    };
    this.#heartbeat = setTimeout(() => void beat(), period);
  }

  /** Closes without a `lost`. */
  close(): void {
    if (this.#closed) return;
    this.#finish('closed by this client');
  }

  #receive(data: unknown): void {
    const message = parse(data);
    if (message === undefined || this.#closed) return;
    switch (message.type) {
      case 'queued':
        this.emit('queued', message);
        return;
      case 'error':
        if (message.re !== undefined) {
          this.#take(message.re)?.reject(new RequestError(message.code, message.message));
        }
        return;
      case 'joined':
      case 'resumed':
      case 'refused':
      case 'restarted':
      case 'ok':
        this.#take(message.re)?.resolve(message);
        return;
      case 'roster':
      case 'slots':
      case 'speakers':
      case 'room':
      case 'connection':
      case 'layers':
      case 'line':
      case 'ended':
        this.emit('event', message);
        return;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #lose(why: string): void {
    if (this.#closed) return;
    this.#finish(why);
    this.emit('lost', undefined);
  }

  #finish(why: string): void {
    this.#closed = true;
    clearTimeout(this.#heartbeat);
    this.#socket.close();
    for (const pending of this.#pending.values()) pending.reject(new SocketLost(why));
    this.#pending.clear();
  }
}

/** A server may be newer: what is not JSON or has no `type` is skipped, not fatal. */
function parse(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
    return value as ServerMessage;
  } catch {
    return undefined;
  }
}
