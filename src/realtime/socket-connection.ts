import type { Socket } from 'socket.io';
import { now } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import {
  type ClientToServerEvents,
  type Have,
  type LivePosition,
  type ServerToClientEvents,
  userRoom,
} from '../contracts/events.ts';
import type { Identity } from '../services/identity.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import type { UserRoomState } from '../services/user-room.ts';
import { cutOff } from './cut-off.ts';
import { EventQueue } from './event-queue.ts';
import { Outbox } from './outbox.ts';
import type { RoomHub } from './room-hub.ts';
import { SessionReader } from './session-reader.ts';
import { socketWire } from './socket-wire.ts';
import { UnreadAnswers } from './unread-answers.ts';
import type { UserConnections } from './user-connections.ts';
import { UserReader } from './user-reader.ts';

/** A socket in `/chat`, with the event types of the contract. */
export type ChatSocket = Socket<ClientToServerEvents, ServerToClientEvents>;

/** What every connection works with. */
export interface ConnectionDeps {
  hub: RoomHub;
  messages: LiveMessages;
  userRoom: UserRoomState;
  userConnections: Pick<UserConnections, 'enter'>;
  /** Most bytes that wait for a slow socket: of frames, as much of answers, and as much of events that it has sent. */
  maxBufferBytes: number;
  log: Logger;
}

/** How long an expired token is tolerated, in milliseconds. */
const EXPIRY_GRACE_MS = 10_000;
/** Most sessions that one socket may have joined. */
const MAX_SESSIONS = 200;
/** Longest delay that a timer can have; a token that lives longer is looked at again then. */
const MAX_TIMER_MS = 2_147_483_647;

/** How a session is joined. */
interface Joining {
  /** What the client has of it. */
  have: Have[];
  /** Resolves when the session is known to be the user's. */
  mayRead(): Promise<void>;
}

/** One socket: who it is of, what it reads, when its token runs out. */
export class SocketConnection {
  readonly socket: ChatSocket;
  readonly #deps: ConnectionDeps;
  readonly #outbox: Outbox;
  readonly #sessions = new Map<string, SessionReader>();
  readonly #user: UserReader;
  readonly #unread: UnreadAnswers;
  readonly #events: EventQueue;
  readonly #uncount: () => void;
  #identity: Identity;
  #expiry: NodeJS.Timeout | undefined;
  #closed = false;
  #cutOff = false;

  /** @throws {AppError} `conflict` for a user who has too many */
  constructor(socket: ChatSocket, identity: Identity, deps: ConnectionDeps) {
    this.#uncount = deps.userConnections.enter(identity.userId);
    this.socket = socket;
    this.#identity = identity;
    this.#deps = deps;
    this.#outbox = new Outbox(socketWire(socket.conn), deps.maxBufferBytes);
    this.#unread = new UnreadAnswers(socket.conn);
    this.#events = new EventQueue(deps.maxBufferBytes);
    this.#user = new UserReader({
      userId: identity.userId,
      outbox: this.#outbox,
      state: deps.userRoom,
      onFailure: (error) => this.#fail(error),
    });
    this.#watchExpiry();
  }

  /** Who the socket is of. */
  get identity(): Identity {
    return this.#identity;
  }

  /** Joins the room of the user. */
  async open(): Promise<void> {
    await this.#deps.hub.join(userRoom(this.#identity.userId), this.#user);
  }

  /** Leaves every room, for good. Events that came before are still worked on. */
  close(): void {
    this.#closed = true;
    this.#uncount();
    clearTimeout(this.#expiry);
    for (const reader of this.#sessions.values()) reader.leave();
    this.#deps.hub.leave(userRoom(this.#identity.userId), this.#user);
    this.#outbox.close();
  }

  /**
   * Works on an event when it is its turn. A client that is too far ahead of its answers is cut off instead.
   *
   * @param work must not reject
   */
  work(event: string, payload: unknown, work: () => Promise<void>): void {
    if (!this.#cutOff && !this.#events.add(event, payload, work)) this.#endAtOnce('it asks too much at once');
  }

  /** Answers an event by what `write` writes. A client that has too much to read already is cut off instead. */
  reply(write: () => void): void {
    if (this.#unread.bytes <= this.#deps.maxBufferBytes) this.#unread.add(write);
    else this.#endAtOnce('it does not read its answers');
  }

  /**
   * The reader of a session that is to be joined. It reads nothing yet, and will not if the session is left before.
   *
   * @throws {AppError} `conflict` when the socket has joined too many
   */
  openSession(sessionId: string): SessionReader {
    const there = this.#sessions.get(sessionId);
    if (there) return there;
    if (this.#sessions.size >= MAX_SESSIONS) {
      throw new AppError('conflict', `A connection may join ${MAX_SESSIONS} sessions; leave one first.`);
    }
    const { hub, messages } = this.#deps;
    const onFailure = (error: unknown) => this.#fail(error);
    const reader = new SessionReader({ sessionId, outbox: this.#outbox, hub, messages, onFailure });
    this.#sessions.set(sessionId, reader);
    return reader;
  }

  /**
   * Joins a session; resolves once the client is caught up.
   *
   * @throws what `mayRead` throws, unless the session is the user's; the session is left then
   */
  async joinSession(reader: SessionReader, { have, mayRead }: Joining): Promise<LivePosition[]> {
    if (this.#closed) return [];
    try {
      await mayRead();
      const live = await reader.join(have);
      await this.#outbox.idle();
      if (this.#closed) reader.leave();
      return live;
    } catch (error) {
      // Left and joined again meanwhile, another reader stands there.
      reader.leave();
      if (this.#sessions.get(reader.sessionId) === reader) this.#sessions.delete(reader.sessionId);
      throw error;
    }
  }

  /** Leaves a session, if it was joined, or is to be. */
  leaveSession(sessionId: string): void {
    this.#sessions.get(sessionId)?.leave();
    this.#sessions.delete(sessionId);
  }

  /**
   * Goes on with a fresh token. Nothing goes on that was closed.
   *
   * @throws {AppError} `forbidden` when it is somebody else's
   */
  renew(identity: Identity): void {
    if (this.#closed) return;
    if (identity.userId !== this.#identity.userId) {
      throw new AppError('forbidden', 'The token is of another user than the connection.');
    }
    this.#identity = identity;
    this.#watchExpiry();
  }

  /** Ends the connection below Socket.IO, so that the client comes back by itself. */
  #fail(error: unknown): void {
    this.#deps.log.warn(
      { err: error, userId: this.#identity.userId },
      'a socket could not be brought up to date',
    );
    this.socket.conn.close();
  }

  /** Nothing more is taken from the client, or kept for it; once. */
  #endAtOnce(reason: string): void {
    if (this.#cutOff) return;
    this.#cutOff = true;
    this.#events.clear();
    this.#deps.log.warn({ userId: this.#identity.userId, reason }, 'a socket was cut off');
    cutOff(this.socket.conn);
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const leftMs = Math.max(0, this.#identity.expiresAt - now());
    this.#expiry = setTimeout(() => this.#onExpiry(), Math.min(leftMs, MAX_TIMER_MS));
    this.#expiry.unref();
  }

  #onExpiry(): void {
    if (this.#identity.expiresAt > now()) {
      this.#watchExpiry();
      return;
    }
    this.socket.emit('auth:expired', { graceMs: EXPIRY_GRACE_MS });
    this.#expiry = setTimeout(() => this.socket.disconnect(true), EXPIRY_GRACE_MS);
    this.#expiry.unref();
  }
}
