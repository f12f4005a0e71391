import type { ClientMessage, ServerMessage } from '../src/protocol';

/** A WebSocket whose other end is the test. Like a real one it reports its own `close()` later. */
export class FakeSocket extends EventTarget {
  /** Every socket since `forget()`, in order of opening. */
  static readonly all: FakeSocket[] = [];
  /** The server is alive: pings get their answer without the test. */
  static answersPings = false;

  static forget(): void {
    FakeSocket.all.length = 0;
    FakeSocket.answersPings = false;
  }

  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (socket === undefined) throw new Error('nobody opened a socket');
    return socket;
  }

  readonly url: string;
  readonly sent: ClientMessage[] = [];
  closed = false;
  #gone = false;

  constructor(url: string) {
    super();
    this.url = url;
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    const message = JSON.parse(text) as ClientMessage;
    this.sent.push(message);
    if (message.type !== 'ping' || !FakeSocket.answersPings) return;
    queueMicrotask(() => this.says({ type: 'ok', re: message.id }));
  }

  close(): void {
    this.closed = true;
    queueMicrotask(() => this.#go());
  }

  // --- the other end ---

  opens(): void {
    this.dispatchEvent(new Event('open'));
  }

  /** The server or the network ends it. */
  drops(): void {
    this.closed = true;
    this.#go();
  }

  says(message: ServerMessage): void {
    this.saysRaw(JSON.stringify(message));
  }

  saysRaw(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  /** The newest request of that type. */
  request<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }> {
    const found = this.sent.findLast((message) => message.type === type);
    if (found === undefined) throw new Error(`no ${type} was sent`);
    return found as Extract<ClientMessage, { type: T }>;
  }

  count(type: ClientMessage['type']): number {
    return this.sent.filter((message) => message.type === type).length;
  }

  #go(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.dispatchEvent(new Event('close'));
  }
}
