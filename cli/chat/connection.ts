import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises'; // holds the process open; base/clock's delay does not
import { io, type Socket } from 'socket.io-client';
import type { Problem } from '../../src/contracts/errors.ts';
import {
  CHAT_NAMESPACE,
  type ClientToServerEvents,
  type ServerToClientEvents,
} from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import type { Session } from '../../src/contracts/session.ts';
import { type Account, Refused } from './account.ts';
import type { Change, Transcript } from './transcript.ts';

/** What a connection tells. */
export interface ConnectionEvents {
  /** What is to be shown. */
  change(change: Change): void;
  /** The session was changed, here or elsewhere. */
  session(session: Session): void;
  /** The connection was lost, and comes back by itself. */
  lost(): void;
  /** It is back; what was missed follows. */
  back(): void;
  /** It will not come back. */
  failed(error: Error): void;
}

/** What a connection is made of. */
export interface ConnectionOptions {
  url: string;
  account: Account;
  sessionId: string;
  /** What is known of the session so far. */
  transcript: Transcript;
  events: ConnectionEvents;
}

type Answer<T> = ({ ok: true } & T) | { ok: false; error: Problem };

/** Longest wait for an acknowledgement, in milliseconds; then the event is sent again. */
const ACK_MS = 15_000;
/** Before trying again what the server could not do just now, in milliseconds. */
const PAUSE_MS = 1_000;

/**
 * The client in one session, over one socket. Comes back after a loss, with a fresh token where that is needed, and
 * joins with what it has, so that the transcript misses nothing and gets nothing twice.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  #joining: Promise<void> | undefined;
  #state: 'opening' | 'joined' | 'lost' = 'opening';
  /** Why it is over, if it is. */
  #over: Error | undefined;
  readonly #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = io(new URL(CHAT_NAMESPACE, options.url).href, {
      // Polling would need every request to reach the same web process.
      transports: ['websocket'],
      reconnectionDelay: 200,
      reconnectionDelayMax: 2_000,
      forceNew: true,
      auth: (give) => give({ token: options.account.accessToken }),
    });
    this.#listen();
  }

  /**
   * Sends a message; sent again after a loss, under the same key, so that it is stored once.
   *
   * @returns what was stored: the message, and the replies that are being written
   * @throws {Refused}
   */
  async send(content: string): Promise<SendMessageAnswer> {
    const { sessionId } = this.#options;
    const body = { sessionId, content, clientMessageId: randomUUID() };
    const { answer, repeated } = await this.#ask(() =>
      this.#socket.timeout(ACK_MS).emitWithAck('message:send', body),
    );
    this.add([answer.message, ...answer.replies]);
    // The first answer tells how things were then; the replies may have ended since.
    if (repeated) await this.#join();
    return answer;
  }

  /** Stops a reply; its `message:done` follows. @throws {Refused} */
  async stop(messageId: string): Promise<void> {
    await this.#ask(() => this.#socket.timeout(ACK_MS).emitWithAck('message:stop', { messageId }));
  }

  /** Messages that are known from elsewhere. */
  add(messages: Message[]): void {
    for (const message of messages) this.#apply(this.#options.transcript.add(message));
  }

  /** Ends it for good. */
  close(): void {
    this.#end(new Error('The connection was closed.'));
  }

  #listen(): void {
    const { transcript, events, sessionId } = this.#options;
    const socket = this.#socket;
    socket.on('message:new', (message) => this.#apply(transcript.add(message)));
    socket.on('message:stream', (event) => this.#apply(transcript.stream(event)));
    socket.on('message:update', (message) => this.#apply(transcript.update(message)));
    socket.on('message:error', (event) => this.#apply(transcript.fail(event)));
    socket.on('message:done', (event) => this.#apply(transcript.done(event)));
    socket.on('message:delete', ({ messageId }) => this.#apply(transcript.remove(messageId)));
    socket.on('session:update', (session) => events.session(session));
    socket.on('session:delete', (deleted) => {
      if (deleted.sessionId === sessionId) this.#fail(new Error('The session was deleted.'));
    });
    socket.on('auth:expired', () => void this.#renew());
    socket.on('connect', () => this.#onConnect());
    socket.on('connect_error', (error) => void this.#onRefusal(error as Error & { data?: Problem }));
    socket.on('disconnect', (reason) => this.#onLoss(reason));
  }

  #apply(changes: Change[]): void {
    for (const change of changes) {
      if (change.type === 'gap') void this.#join();
      else this.#options.events.change(change);
    }
  }

  /** Joins with what there is. A second call while one is under way waits for the same. */
  #join(): Promise<void> {
    this.#joining ??= this.#joinUntilDone().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  async #joinUntilDone(): Promise<void> {
    const { sessionId, transcript } = this.#options;
    while (this.#socket.connected && !this.#over) {
      const payload = { sessionId, have: transcript.have() };
      const answer = await this.#once(() => this.#socket.timeout(ACK_MS).emitWithAck('join', payload));
      if (answer?.ok) this.#onJoined();
      else if (answer && answer.error.status < 500) this.#fail(new Refused(answer.error));
      else if (answer) await sleep(PAUSE_MS);
      if (answer?.ok) return;
    }
  }

  #onConnect(): void {
    if (this.#state === 'lost') this.#options.events.back();
    this.#state = 'opening';
    void this.#join();
  }

  #onJoined(): void {
    this.#state = 'joined';
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #onLoss(reason: string): void {
    if (this.#over) return;
    if (this.#state === 'joined') {
      this.#state = 'lost';
      this.#options.events.lost();
    }
    // Socket.IO comes back by itself, except when the server sent it away: for a token that has expired, for one.
    if (reason === 'io server disconnect') this.#socket.connect();
  }

  async #onRefusal({ data: problem, message }: Error & { data?: Problem }): Promise<void> {
    if (this.#socket.active || this.#over) return;
    if (problem?.code === 'token_expired') await this.#refresh();
    else if (problem && problem.status < 500) this.#fail(new Refused(problem));
    else if (problem) await sleep(PAUSE_MS);
    else this.#fail(new Error(`The server refused the connection: ${message}`));
    if (!this.#over) this.#socket.connect();
  }

  /** Goes on with a fresh token. If that comes too late, the server ends the connection, and the next one has it. */
  async #renew(): Promise<void> {
    await this.#refresh();
    const token = this.#options.account.accessToken;
    await this.#once(() => this.#socket.timeout(ACK_MS).emitWithAck('auth', { token }));
  }

  async #refresh(): Promise<void> {
    while (!this.#over) {
      try {
        await this.#options.account.refresh();
        return;
      } catch (error) {
        if (error instanceof Refused && error.problem.status === 401) this.#fail(error);
        else await sleep(PAUSE_MS);
      }
    }
  }

  /** Asks until there is an answer, across lost connections. */
  async #ask<T>(emit: () => Promise<Answer<T>>): Promise<{ answer: { ok: true } & T; repeated: boolean }> {
    for (let tries = 1; ; tries += 1) {
      await this.#online();
      const answer = await this.#once(emit);
      if (answer?.ok) return { answer, repeated: tries > 1 };
      if (answer) throw new Refused(answer.error);
    }
  }

  /** Undefined when the answer was lost on the way. */
  async #once<T>(emit: () => Promise<Answer<T>>): Promise<Answer<T> | undefined> {
    try {
      return await emit();
    } catch {
      return undefined;
    }
  }

  async #online(): Promise<void> {
    if (this.#over) throw this.#over;
    if (this.#state === 'joined') return;
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#end(error);
    this.#options.events.failed(error);
  }

  #end(error: Error): void {
    this.#over ??= error;
    this.#socket.disconnect();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
