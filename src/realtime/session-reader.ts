import { newId } from '../base/ids.ts';
import { splitsPair } from '../base/text.ts';
import type { EventId } from '../contracts/event-id.ts';
import {
  type Have,
  type LivePosition,
  type RoomEvents,
  type StreamEvent,
  sessionRoom,
} from '../contracts/events.ts';
import { isTerminal, type Message } from '../contracts/message.ts';
import { doneOf } from '../services/announce-end.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import { BoundedSet } from './bounded-set.ts';
import type { FrameOwner, Outbox } from './outbox.ts';
import { RoomFrame } from './room-frame.ts';
import type { RoomHub, RoomReader } from './room-hub.ts';

/** What a reader of a session works with. */
export interface SessionReaderDeps {
  sessionId: string;
  outbox: Outbox;
  hub: RoomHub;
  messages: LiveMessages;
  /** It cannot be brought up to date: the client must come back. */
  onFailure: (error: unknown) => void;
}

/** How much of a running message the client has. */
interface Position {
  attempt: number;
  offset: number;
}

/** Most events that wait for a catching up; the messages of further ones are read again. */
const MAX_BACKLOG = 10_000;
/** Ended messages that are remembered, so that a second announcement of their end is dropped. */
const REMEMBERED = 1_000;

/**
 * One client in one session: sees to it that the client gets every event once, whatever the order in which the
 * snapshot and the live events arrive, whoever restarts, and however slowly it reads.
 *
 * The order of a join is what makes it exact: subscribe and wait for it; read the live text; deliver that; then
 * the live events, less what the text already had.
 */
export class SessionReader implements RoomReader, FrameOwner {
  readonly #deps: SessionReaderDeps;
  readonly #room: string;
  /** Running messages that the client knows. */
  readonly #live = new Map<string, Position>();
  /** Messages of which nothing more is to be sent: ended ones, and what people wrote. */
  readonly #closed = new BoundedSet(REMEMBERED);
  /** Messages to be read again; `new` when the client does not know of them yet. */
  readonly #stale = new Map<string, 'known' | 'new'>();
  /** The newest of each event that is no message's, dropped while the client was slow. */
  readonly #missed = new Map<string, RoomFrame>();
  /** What arrives while the client is being brought up to date; undefined when it is. */
  #backlog: RoomFrame[] | undefined = [];
  /** Whatever is newer than this has not been seen. Ids sort by time: a session without messages begins now. */
  #newest = newId();
  #work: Promise<unknown> = Promise.resolve();
  #left = false;

  constructor(deps: SessionReaderDeps) {
    this.#deps = deps;
    this.#room = sessionRoom(deps.sessionId);
  }

  /**
   * Joins the room, or brings a client up to date that says what it has.
   *
   * @returns how far each running message is, once the client has it
   * @throws when the broker or the database does not answer
   */
  async join(have: Have[] = []): Promise<LivePosition[]> {
    return this.#exclusively(async () => {
      this.#backlog ??= [];
      await this.#deps.hub.join(this.#room, this);
      await this.#catchUp(have, newestOf(have.map(({ messageId }) => messageId)));
      await this.#readStale();
      this.#goLive();
      return this.positions();
    });
  }

  /** Like {@link join}, for a client that knows one position only: the last event that it received. */
  async resume(after: EventId | undefined): Promise<void> {
    if (after?.done) this.#close(after.messageId);
    await this.join(after ? [after] : []);
  }

  /** How far each running message is. */
  positions(): LivePosition[] {
    return [...this.#live].map(([messageId, position]) => ({ messageId, ...position }));
  }

  /** Sees to it that the client has these messages, whether or not it was there when they were announced. */
  async ensure(messageIds: string[]): Promise<void> {
    for (const id of messageIds) if (!this.#live.has(id) && !this.#closed.has(id)) this.#stale.set(id, 'new');
    if (this.#stale.size > 0) await this.#bringUpToDate();
  }

  /** Leaves the room. */
  leave(): void {
    this.#left = true;
    this.#deps.hub.leave(this.#room, this);
  }

  accept(frame: RoomFrame): void {
    if (!this.#backlog) this.#deliver(frame);
    else if (this.#backlog.length < MAX_BACKLOG) this.#backlog.push(frame);
    else this.dropped(frame);
  }

  refresh(): void {
    this.#exclusively(async () => {
      this.#backlog ??= [];
      await this.#catchUp(this.positions(), this.#newest);
      await this.#readStale();
      this.#goLive();
    }).catch(this.#deps.onFailure);
  }

  dropped(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    if (id === undefined) {
      this.#missed.set(frame.event, frame);
      return;
    }
    // What was on its way to the client never came: the position is not known any more.
    this.#live.delete(id);
    this.#closed.delete(id);
    const unknown = frame.event === 'message:new' || this.#stale.get(id) === 'new';
    this.#stale.set(id, unknown ? 'new' : 'known');
  }

  drained(): void {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const frame of missed) this.#deps.outbox.send(frame, this);
    this.#bringUpToDate().catch(this.#deps.onFailure);
  }

  #bringUpToDate(): Promise<void> {
    return this.#exclusively(async () => {
      this.#backlog ??= [];
      await this.#readStale();
      this.#goLive();
    });
  }

  /** One catching up after the other. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  /** Sends what the client lacks: the state of what runs and of what it has in part, and all that is newer than `since`. */
  async #catchUp(have: Have[], since: string | undefined): Promise<void> {
    const { messages, sessionId } = this.#deps;
    const known = new Map(have.map((each) => [each.messageId, each]));
    const running = await messages.running(sessionId);
    const runningIds = new Set(running.map(({ id }) => id));
    const ended = [...known.keys()].filter((id) => !runningIds.has(id) && !this.#closed.has(id));
    const [endedNow, newer] = await Promise.all([
      messages.current(sessionId, ended),
      since ? messages.newerThan(sessionId, since) : [],
    ]);
    for (const message of [...endedNow, ...running]) this.#sendState(message, known.get(message.id));
    const told = new Set([...ended, ...runningIds]);
    for (const message of newer) {
      if (!told.has(message.id) && !this.#closed.has(message.id)) this.#sendState(message, undefined);
    }
  }

  async #readStale(): Promise<void> {
    while (this.#stale.size > 0 && !this.#left && !this.#deps.outbox.overflowed) {
      const stale = new Map(this.#stale);
      this.#stale.clear();
      const current = await this.#deps.messages.current(this.#deps.sessionId, [...stale.keys()]);
      for (const message of current) {
        if (stale.get(message.id) === 'new') this.#sendNew(message);
        else this.#sendState(message, this.#haveOf(message.id));
      }
    }
  }

  #haveOf(messageId: string): Have | undefined {
    const position = this.#live.get(messageId);
    return position && { messageId, ...position };
  }

  #goLive(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const frame of backlog) this.#deliver(frame);
    if (this.#stale.size > 0 && !this.#deps.outbox.overflowed) this.drained();
  }

  /** A message that the client does not know. */
  #sendNew(message: Message): void {
    this.#send('message:new', message);
    this.#note(message);
    if (message.role === 'assistant' && isTerminal(message.status)) this.#sendEnd(message);
  }

  /** A message that the client may know in part. */
  #sendState(message: Message, have: Have | undefined): void {
    const { id, sessionId, attempt, content } = message;
    if (isTerminal(message.status)) {
      this.#send('message:update', message);
      if (message.role === 'assistant') this.#sendEnd(message);
      this.#note(message);
      return;
    }
    if (have && continues(have, message)) {
      const { offset } = have;
      const delta = content.slice(offset);
      if (delta !== '') this.#send('message:stream', { sessionId, messageId: id, attempt, offset, delta });
    } else {
      this.#send('message:update', message);
    }
    this.#note(message);
  }

  #sendEnd(message: Message): void {
    const { sessionId, id: messageId, error } = message;
    if (error) this.#send('message:error', { sessionId, messageId, error });
    this.#send('message:done', doneOf(message));
    this.#close(messageId);
  }

  /** Remembers what the client now has of a message. */
  #note({ id, role, status, attempt, content }: Message): void {
    if (id > this.#newest) this.#newest = id;
    if (isTerminal(status) && role !== 'assistant') this.#close(id);
    else if (!this.#closed.has(id)) this.#live.set(id, { attempt, offset: content.length });
  }

  #close(messageId: string): void {
    this.#live.delete(messageId);
    this.#closed.add(messageId);
  }

  #send<E extends keyof RoomEvents>(event: E, payload: RoomEvents[E]): void {
    this.#deps.outbox.send(new RoomFrame(event, payload), this);
  }

  /** A live event: sent on, less what the client has. */
  #deliver(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    const settled = id !== undefined && (this.#closed.has(id) || this.#stale.has(id));
    if (settled && !frame.is('message:delete')) return;
    if (frame.is('message:stream')) this.#deliverDelta(frame);
    else if (frame.is('message:update')) this.#deliverUpdate(frame);
    else if (frame.is('message:new')) this.#deliverNew(frame);
    else {
      if (frame.is('message:done') || frame.is('message:delete')) this.#close(frame.payload.messageId);
      this.#deps.outbox.send(frame, this);
    }
  }

  #deliverDelta(frame: RoomFrame<'message:stream'>): void {
    const { messageId, attempt, offset, delta } = frame.payload;
    const has = this.#live.get(messageId) ?? { attempt: 0, offset: 0 };
    if (attempt < has.attempt) return;
    // Attempt 0 is a placeholder: the first attempt needs no update before it.
    const fresh = attempt > has.attempt && has.attempt === 0;
    if ((attempt > has.attempt && !fresh) || offset > has.offset) {
      this.#askAgain(messageId);
      return;
    }
    const end = offset + delta.length;
    if (end <= has.offset) return;
    this.#live.set(messageId, { attempt, offset: end });
    this.#deps.outbox.send(offset === has.offset ? frame : tailOf(frame.payload, has.offset), this);
  }

  #deliverUpdate(frame: RoomFrame<'message:update'>): void {
    const { id, attempt, content, status } = frame.payload;
    const has = this.#live.get(id);
    const old = has && (attempt < has.attempt || (attempt === has.attempt && content.length <= has.offset));
    if (old && !isTerminal(status)) return;
    this.#note(frame.payload);
    this.#deps.outbox.send(frame, this);
  }

  #deliverNew(frame: RoomFrame<'message:new'>): void {
    if (this.#live.has(frame.payload.id)) return;
    this.#note(frame.payload);
    this.#deps.outbox.send(frame, this);
    // An assistant message that was only stored is complete from the start.
    if (isTerminal(frame.payload.status)) this.#close(frame.payload.id);
  }

  /** Something between what the client has and this event was lost: read the message again. */
  #askAgain(messageId: string): void {
    this.#stale.set(messageId, 'known');
    this.#bringUpToDate().catch(this.#deps.onFailure);
  }
}

/** The newest of some ids. */
const newestOf = (ids: string[]): string | undefined => [...ids].sort().at(-1);

/** Which message an event is about, if any. */
function messageIdOf(frame: RoomFrame): string | undefined {
  if (frame.is('message:new') || frame.is('message:update')) return frame.payload.id;
  return 'messageId' in frame.payload ? frame.payload.messageId : undefined;
}

/** Whether what the client has is a beginning of the message's text. */
function continues({ attempt, offset }: Have, message: Message): boolean {
  return (
    attempt === message.attempt && offset <= message.content.length && !splitsPair(message.content, offset)
  );
}

/** A delta without what the client has of it. */
function tailOf(event: StreamEvent, offset: number): RoomFrame<'message:stream'> {
  return new RoomFrame('message:stream', {
    ...event,
    offset,
    delta: event.delta.slice(offset - event.offset),
  });
}
