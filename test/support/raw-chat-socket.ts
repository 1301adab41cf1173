import { once } from 'node:events';
import WebSocket from 'ws';
import { CHAT_NAMESPACE } from '../../src/contracts/events.ts';
import type { Served } from './test-user.ts';
import { until } from './until.ts';

/** What an event was acknowledged with. */
export interface RawAnswer {
  ok: boolean;
  error?: { code: string; detail: string; status: number; errors?: { path: string; message: string }[] };
  [field: string]: unknown;
}

/**
 * A socket in `/chat` that sends what it is told, byte by byte, also what no Socket.IO client would.
 * https://socket.io/docs/v4/socket-io-protocol/ inside of https://socket.io/docs/v4/engine-io-protocol/
 */
export class RawChatSocket {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, RawAnswer>();
  /** Events that came, in order: name and payload. */
  readonly events: [event: string, payload: unknown][] = [];
  #connected = false;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#take(String(data)));
    socket.on('error', () => {});
  }

  /** Connects with an access token. */
  static async connect(served: Served, token: string): Promise<RawChatSocket> {
    const raw = await RawChatSocket.knock(served, token);
    await until('the socket is connected', () => raw.#connected);
    return raw;
  }

  /** Asks to be let in with an access token, and does not wait for the answer. */
  static async knock({ url }: Served, token: string): Promise<RawChatSocket> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const raw = new RawChatSocket(socket);
    await once(socket, 'open');
    socket.send(`40${CHAT_NAMESPACE},${JSON.stringify({ token })}`);
    return raw;
  }

  /** The connection is still there. */
  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN && this.#connected;
  }

  /** Sends an event, `args` being the JSON of what follows its name, and waits for its acknowledgement. */
  async ask(event: string, ...args: string[]): Promise<RawAnswer> {
    const id = this.#newId();
    this.#socket.send(`42${CHAT_NAMESPACE},${id}${eventJson(event, args)}`);
    return this.#answer(id);
  }

  /** The same with binary attachments, for which `{"_placeholder":true,"num":0}` stands in `args`. */
  async askBinary(event: string, args: string[], attachments: Buffer[]): Promise<RawAnswer> {
    const id = this.#newId();
    this.#socket.send(`45${attachments.length}-${CHAT_NAMESPACE},${id}${eventJson(event, args)}`);
    for (const attachment of attachments) this.#socket.send(attachment);
    return this.#answer(id);
  }

  /** Sends an event that wants no acknowledgement. */
  tell(event: string, ...args: string[]): void {
    this.#socket.send(`42${CHAT_NAMESPACE},${eventJson(event, args)}`);
  }

  /** Bytes that could not be sent yet. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  /** Sends something that is no event, as it stands. */
  say(packet: string): void {
    this.#socket.send(packet);
  }

  /** Stops reading from the network, or reads again. */
  stopReading(): void {
    this.#socket.pause();
  }

  readAgain(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.terminate();
  }

  #newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  async #answer(id: number): Promise<RawAnswer> {
    await until('an acknowledgement', () => this.#answers.has(id) || !this.open);
    const answer = this.#answers.get(id);
    if (!answer) throw new Error('the connection was lost');
    return answer;
  }

  #take(text: string): void {
    const [, type, id, json] = /^4([0-4])\/chat,(\d*)(.*)$/s.exec(text) ?? [];
    if (text === '2') this.#socket.send('3');
    else if (type === '0') this.#connected = true;
    else if (type === '1' || type === '4') this.#connected = false;
    else if (type === '2') this.events.push(JSON.parse(json ?? ''));
    else if (type === '3') this.#answers.set(Number(id), (JSON.parse(json ?? '') as [RawAnswer])[0]);
  }
}

const eventJson = (event: string, args: string[]): string =>
  `[${[JSON.stringify(event), ...args].join(',')}]`;
