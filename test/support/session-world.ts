import { newId } from '../../src/base/ids.ts';
import {
  type RoomEventName,
  type RoomEvents,
  type StreamEvent,
  sessionRoom,
} from '../../src/contracts/events.ts';
import { isTerminal, type Message } from '../../src/contracts/message.ts';
import type { Session } from '../../src/contracts/session.ts';
import type { Written } from '../../src/feed/ports.ts';
import type { RoomSource, RoomSourceListener } from '../../src/realtime/room-hub.ts';
import { doneOf } from '../../src/services/announce-end.ts';
import type { LiveMessages } from '../../src/services/live-messages.ts';
import { shownMessage } from './shown-message.ts';

/** A step that is ready to be taken. */
type Step = () => void;

/** Messages that are read at once where a client lacks several: few, so that some are always left. */
const READ_AT_ONCE = 2;

/** One attempt to write a reply: a worker, which may have lost its claim without knowing. */
interface Attempt {
  messageId: string;
  attempt: number;
  text: string;
  reasoning: string | null;
  ended: boolean;
  /** What it does next, one after the other. */
  steps: Step[];
}

/** An event that was published. */
export interface Published {
  event: RoomEventName;
  payload: RoomEvents[RoomEventName];
}

/**
 * A session with its database, its live texts, its workers and its broker, all of it in steps that the test takes
 * one by one, in any order that could happen.
 */
export class SessionWorld {
  readonly sessionId = newId();
  /** The rows; a deleted message is not among them any more. */
  readonly rows = new Map<string, Message>();
  /** Every message that ever was, as it last was. */
  readonly all = new Map<string, Message>();
  readonly attempts: Attempt[] = [];
  readonly published: Published[] = [];
  /** Reads of the database and of the live texts that are under way. */
  readonly #reads = new Set<Step>();
  readonly #live = new Map<string, Written>();
  readonly #queued = new Set<string>();
  readonly #posts: { steps: Step[] }[] = [];
  readonly #links = new Set<Link>();

  /** Nothing is being posted, and nobody reads the database. */
  get quiet(): boolean {
    return this.#reads.size === 0 && this.#posts.every(({ steps }) => steps.length === 0);
  }

  /**
   * The user asks something: a message and a reply that waits. Ids sort in the order of commits, and each process tells what
   * it has stored when it comes to it; of the two messages it tells so many before it dies.
   */
  post(told: number): void {
    const user = this.#message('user', null);
    const reply = this.#message('assistant', user.id);
    const newest = [...this.all.keys()].at(-1) ?? null;
    for (const each of [user, reply]) this.#store(each);
    const events = [
      { ...user, previousId: newest },
      { ...reply, previousId: user.id },
    ];
    const steps = events.slice(0, told).map((each) => () => this.publish('message:new', each));
    this.#posts.push({ steps: [...steps, () => this.#queued.add(reply.id)] });
  }

  /** Replies that could be claimed by a worker: it is queued after it was announced, and by the sweeper if nobody did. */
  claimable(): Message[] {
    return [...this.rows.values()].filter(
      ({ id, status, attempt }) => this.#queued.has(id) && !isTerminal(status) && attempt < 3,
    );
  }

  /** A worker claims a reply, whoever had it before. */
  claim({ id }: Message): void {
    const row = this.#row(id);
    const attempt = row.attempt + 1;
    this.#store({ ...row, status: 'streaming', attempt });
    const restart = this.rows.get(id) as Message;
    const steps = attempt > 1 ? [() => this.publish('message:update', restart)] : [];
    this.attempts.push({ messageId: id, attempt, text: '', reasoning: null, ended: false, steps });
  }

  /** Attempts that may write: those that have lost their claim, too. */
  writing(): Attempt[] {
    return this.attempts.filter((each) => !each.ended && each.steps.length === 0);
  }

  /** An attempt writes on; nobody is told of it when the broker does not take the event. */
  write(writer: Attempt, delta: string, told = true): void {
    const offset = writer.text.length;
    writer.text += delta;
    this.#append(writer, { offset, delta }, told);
  }

  /** An attempt reasons on; most do before they write, some in between. */
  think(writer: Attempt, delta: string, told = true): void {
    const offset = writer.reasoning?.length ?? 0;
    writer.reasoning = (writer.reasoning ?? '') + delta;
    this.#append(writer, { channel: 'reasoning', offset, delta }, told);
  }

  /** An attempt has finished; nothing happens if its claim is lost. */
  settle(writer: Attempt, status: 'completed' | 'failed' | 'cancelled'): void {
    const { messageId, attempt, text, reasoning } = writer;
    writer.ended = true;
    const row = this.rows.get(messageId);
    if (row?.attempt !== attempt || isTerminal(row.status)) return;
    const error = status === 'failed' ? ({ code: 'interrupted', message: 'broke off' } as const) : null;
    this.#store({ ...row, status, content: text, reasoning, error });
    writer.steps.push(...this.#end(messageId), () => this.#live.delete(`${messageId}:${attempt}`));
  }

  /** The end of a message is told again, by whoever found that it may not have been. */
  tellEndAgain({ id }: Message): void {
    this.#posts.push({ steps: this.#end(id) });
  }

  /** The owner deletes a message that has ended. */
  remove({ id }: Message): void {
    this.rows.delete(id);
    const event = { sessionId: this.sessionId, messageId: id };
    this.#posts.push({ steps: [() => this.publish('message:delete', event)] });
  }

  /** What is ready to happen next on its own. */
  steps(): Step[] {
    const actors = [...this.#posts, ...this.attempts].filter(({ steps }) => steps.length > 0);
    return [
      ...actors.map(
        ({ steps }) =>
          () =>
            steps.shift()?.(),
      ),
      ...[...this.#reads].map((read) => () => {
        this.#reads.delete(read);
        read();
      }),
    ];
  }

  publish<E extends RoomEventName>(event: E, payload: RoomEvents[E]): void {
    this.published.push({ event, payload });
    for (const link of this.#links) link.take({ event, payload });
  }

  /** A connection to the broker of its own. */
  link(): Link {
    const link = new Link(this.sessionId, () => this.#links.delete(link));
    this.#links.add(link);
    return link;
  }

  /** Reads as the services do: the rows at one moment, the live texts at a later one. */
  readonly reader: LiveMessages = {
    running: () => this.#read((row) => !isTerminal(row.status)),
    current: (_sessionId, ids) => this.#read((row) => ids.includes(row.id)),
    oldest: async (_sessionId, ids) => {
      const rows = await this.#read((row) => ids.includes(row.id));
      const found = rows.sort((a, b) => (a.id < b.id ? -1 : 1));
      const read = found.slice(0, READ_AT_ONCE);
      const newest = read.at(-1)?.id ?? '';
      const left = found.length > read.length ? ids.filter((id) => id > newest) : [];
      return { read, left };
    },
    newerIds: async (_sessionId, after) =>
      (await this.#read((row) => row.id > after)).map(({ id }) => id).sort(),
    existing: async (_sessionId, ids) =>
      (await this.#read((row) => ids.includes(row.id))).map(({ id }) => id),
    session: async (id) => ({ id }) as Session,
    present: (view) => Promise.reject(new Error(`nobody asks for ${view.id}`)),
  };

  #append(writer: Attempt, delta: Pick<StreamEvent, 'channel' | 'offset' | 'delta'>, told: boolean): void {
    const { sessionId } = this;
    const { messageId, attempt, text, reasoning } = writer;
    const publish = () => this.publish('message:stream', { sessionId, messageId, attempt, ...delta });
    writer.steps.push(
      () => this.#live.set(`${messageId}:${attempt}`, { text, reasoning }),
      ...(told ? [publish] : []),
    );
  }

  async #read(wanted: (row: Message) => boolean): Promise<Message[]> {
    await this.#moment();
    // In no order, like the real ones.
    const rows = [...this.rows.values()].filter(wanted).reverse();
    const messages = await Promise.all(rows.map((row) => this.#present(row)));
    return messages.filter((message) => message !== undefined);
  }

  async #present(row: Message): Promise<Message | undefined> {
    if (isTerminal(row.status)) return row;
    await this.#moment();
    const written = this.#live.get(`${row.id}:${row.attempt}`);
    if (written) return { ...row, content: written.text, reasoning: written.reasoning };
    await this.#moment();
    const again = this.rows.get(row.id);
    return again && again.attempt > row.attempt ? this.#present(again) : again;
  }

  #moment(): Promise<void> {
    return new Promise((resolve) => this.#reads.add(resolve));
  }

  #end(messageId: string): Step[] {
    const message = this.rows.get(messageId);
    if (!message) return [];
    const { sessionId } = this;
    const { error } = message;
    return [
      () => this.publish('message:update', message),
      ...(error ? [() => this.publish('message:error', { sessionId, messageId, error })] : []),
      () => this.publish('message:done', doneOf(message)),
    ];
  }

  #store(message: Message): void {
    // What was deleted does not come back.
    if (this.all.has(message.id) && !this.rows.has(message.id)) return;
    this.rows.set(message.id, message);
    this.all.set(message.id, message);
  }

  #row(id: string): Message {
    const row = this.rows.get(id);
    if (!row) throw new Error(`there is no message ${id}`);
    return row;
  }

  #message(role: 'user' | 'assistant', parentId: string | null): Message {
    const empty = { content: '', model: 'echo', status: 'queued' } as const;
    const { sessionId } = this;
    return shownMessage({ sessionId, parentId, role, completedAt: null, ...(role === 'assistant' && empty) });
  }
}

/** What one process hears of the broker: events wait here until the test lets them arrive. */
export class Link implements RoomSource {
  readonly arriving: Published[] = [];
  readonly close: () => void;
  readonly #room: string;
  #subscribed = false;
  #lost = false;
  #listener: RoomSourceListener | undefined;

  constructor(sessionId: string, close: () => void) {
    this.#room = sessionRoom(sessionId);
    this.close = close;
  }

  listen(listener: RoomSourceListener): void {
    this.#listener = listener;
  }

  async subscribe(): Promise<void> {
    this.#subscribed = true;
  }

  unsubscribe(): void {
    this.#subscribed = false;
    this.arriving.length = 0;
  }

  async ping(): Promise<void> {
    if (this.#lost) throw new Error('The connection to the broker is lost.');
  }

  take(published: Published): void {
    if (this.#subscribed && !this.#lost) this.arriving.push(published);
  }

  /** The next event arrives. */
  arrive(): void {
    const next = this.arriving.shift();
    if (next) this.#listener?.event(this.#room, next.event, next.payload);
  }

  /** The connection to the broker is lost, with what was on its way. */
  lose(): void {
    if (!this.#lost) this.#listener?.lost();
    this.#lost = true;
    this.arriving.length = 0;
  }

  /** It is back. */
  find(): void {
    if (!this.#lost) return;
    this.#lost = false;
    this.#listener?.gap();
  }
}
