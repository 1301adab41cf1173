import { io, type Socket } from 'socket.io-client';
import type WebSocket from 'ws';
import {
  CHAT_NAMESPACE,
  type ClientToServerEvents,
  type Have,
  type LivePosition,
  type RoomEventName,
  type RoomEvents,
  type ServerToClientEvents,
  type UserRoomEvents,
} from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { Following } from './following.ts';
import type { Served, TestUser } from './test-user.ts';

type ChatSocket = Socket<ServerToClientEvents, ClientToServerEvents>;
type Answer<T> = ({ ok: true } & T) | { ok: false; error: { code: string; detail: string } };

/** An event in the room of the user. */
export type UserEvent = {
  [E in keyof UserRoomEvents]: { event: E; payload: UserRoomEvents[E] };
}[keyof UserRoomEvents];

/** How a client connects. */
export interface ConnectOptions {
  /** Default: WebSocket alone. */
  transports?: ('websocket' | 'polling')[];
  /** Sent with the handshake. */
  headers?: Record<string, string>;
}

/** One device of a user on Socket.IO: what it knows stays when its connection is cut, as in a real client. */
export class ChatClient extends Following {
  readonly userEvents: UserEvent[] = [];
  /** Set once the connection is lost: why. */
  lost: string | undefined;
  /** `auth:expired` was heard. */
  expired = false;
  #socket: ChatSocket | undefined;

  /** A client that is connected and has joined. */
  static async joined(user: TestUser, process: Served, sessionId: string): Promise<ChatClient> {
    const client = new ChatClient(user);
    await client.connect(process);
    await client.join(sessionId);
    return client;
  }

  /** Connects, to any process. @throws the refusal, with the problem in `data` */
  async connect(
    { url }: Served,
    { transports = ['websocket'], headers = {} }: ConnectOptions = {},
  ): Promise<void> {
    this.cut();
    const socket: ChatSocket = io(url + CHAT_NAMESPACE, {
      auth: { token: this.user.token },
      transports,
      extraHeaders: headers,
      forceNew: true,
      reconnection: false,
    });
    this.#socket = socket;
    this.lost = undefined;
    socket.onAny((event: string, payload: unknown) => this.#take(event, payload));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    socket.on('disconnect', (reason) => {
      this.lost = reason;
      this.wake();
    });
  }

  /** Joins with what the client has of the running messages, or what it is told to have. */
  async join(sessionId: string, have: Have[] = this.transcript.have()): Promise<LivePosition[]> {
    const { live } = await this.#ask<{ live: LivePosition[] }>((socket, ack) =>
      socket.emit('join', { sessionId, have }, ack),
    );
    return live;
  }

  /** Sends over the socket. */
  send(body: Parameters<ClientToServerEvents['message:send']>[0]): Promise<SendMessageAnswer> {
    return this.#ask<SendMessageAnswer>((socket, ack) => socket.emit('message:send', body, ack));
  }

  /** Stops over the socket; answers the status. */
  async stop(messageId: string): Promise<Message['status']> {
    type Stopped = { status: Message['status'] };
    return (await this.#ask<Stopped>((socket, ack) => socket.emit('message:stop', { messageId }, ack)))
      .status;
  }

  /** Goes on with another token. */
  async renew(token: string): Promise<string> {
    type Renewed = { expiresAt: string };
    return (await this.#ask<Renewed>((socket, ack) => socket.emit('auth', { token }, ack))).expiresAt;
  }

  /** Breaks the connection off, as when a cable is pulled: nobody says goodbye, and what was on its way is lost. */
  cut(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    socket.offAny();
    socket.off();
    this.#webSocket(socket)?.terminate();
    socket.disconnect();
  }

  /** Stops reading from the network, or reads again. */
  stopReading(): void {
    if (this.#socket) this.#webSocket(this.#socket)?.pause();
  }

  readAgain(): void {
    if (this.#socket) this.#webSocket(this.#socket)?.resume();
  }

  override get summary(): string {
    return `${super.summary}\nconnection lost: ${this.lost ?? 'no'}`;
  }

  async #ask<T>(emit: (socket: ChatSocket, ack: (answer: Answer<T>) => void) => void): Promise<T> {
    const socket = this.#socket;
    if (!socket) throw new Error('not connected');
    const answer = await new Promise<Answer<T>>((resolve, reject) => {
      const lost = (reason: string) => reject(new Error(`the connection was lost meanwhile: ${reason}`));
      socket.once('disconnect', lost);
      emit(socket, (given) => {
        socket.off('disconnect', lost);
        resolve(given);
      });
    });
    if (answer.ok) return answer;
    throw Object.assign(new Error(`${answer.error.code}: ${answer.error.detail}`), { data: answer.error });
  }

  #take(event: string, payload: unknown): void {
    if (event === 'auth:expired') this.expired = true;
    else if (event === 'balance:update' || event === 'session:new') {
      this.userEvents.push({ event, payload } as UserEvent);
    } else this.transcript.apply(event as RoomEventName, payload as RoomEvents[RoomEventName]);
    this.wake();
  }

  #webSocket({ io: manager }: ChatSocket): WebSocket | undefined {
    return (manager.engine?.transport as unknown as { ws?: WebSocket } | undefined)?.ws;
  }
}
