import { splitsPair } from '../base/text.ts';
import type { Have, RoomEventName, RoomEvents, StreamEvent } from '../contracts/events.ts';
import { isTerminal, type Message } from '../contracts/message.ts';
import { doneOf } from '../services/announce-end.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import type { MessagePositions } from './message-positions.ts';
import type { Sending } from './outbox.ts';
import { haveAt, type Position, positionIn, positionOf } from './position.ts';
import { RoomFrame } from './room-frame.ts';

/** What catching up works with. */
export interface CatchingUpDeps {
  sessionId: string;
  messages: LiveMessages;
  /** Asked when the client can take more; nothing is sent to it here. */
  outbox: Sending;
  positions: MessagePositions;
  send: (frame: RoomFrame) => void;
}

/**
 * Brings one client up to date with what is stored: reads the messages of which it lacks something, and sends that.
 * A position is noted before its frame is sent, since sending may drop the frame and take the position back.
 */
export class CatchingUp {
  readonly #deps: CatchingUpDeps;
  /** Messages to be read again; `new` when the client does not know of them yet. */
  readonly #stale = new Map<string, 'known' | 'new'>();
  #stopped = false;

  constructor(deps: CatchingUpDeps) {
    this.#deps = deps;
  }

  /** There are messages to be read again. */
  get isBehind(): boolean {
    return this.#stale.size > 0;
  }

  /** Whether the message is to be read again, with whatever becomes of it until then. */
  isStale(messageId: string): boolean {
    return this.#stale.has(messageId);
  }

  /** Has a message read again; `new` when the client does not know of it yet. */
  readAgain(messageId: string, kind: 'known' | 'new'): void {
    this.#stale.set(messageId, kind);
  }

  /** Has a message read again of which the client did not get an event. */
  missed(messageId: string, event: RoomEventName): void {
    const unknown = event === 'message:new' || this.#stale.get(messageId) === 'new';
    this.#stale.set(messageId, unknown ? 'new' : 'known');
  }

  /** Reads nothing more: the client is gone. */
  stop(): void {
    this.#stopped = true;
  }

  /** Sends what a client lacks that has this much: the rest of what runs, and whatever is newer than `since`. */
  async sendMissing(have: Have[], since: string | undefined): Promise<void> {
    const known = new Map(have.map((each) => [each.messageId, each]));
    const stale = [...this.#stale];
    this.#stale.clear();
    const states = await this.#readMissing(known, since);
    const read = new Set(states.map(({ id }) => id));
    for (const [id, kind] of stale) if (!read.has(id)) this.#stale.set(id, kind);
    const { outbox, positions } = this.#deps;
    for (const message of states) {
      // Of what it had then something may have been dropped meanwhile, on the way to it.
      const has = known.has(message.id) ? positions.get(message.id) : undefined;
      if (outbox.hasRoom && !this.#isBehindOf(message.id)) this.#sendState(message, has);
      // Read again when the client can take it: nothing is kept for one that reads slowly.
      else this.#stale.set(message.id, 'known');
    }
  }

  /** Has all messages read that are newer than what the client knows. Only their ids are kept for one that reads slowly. */
  async readNewer(): Promise<void> {
    const { messages, sessionId, positions } = this.#deps;
    for (const id of await messages.newerIds(sessionId, positions.newest)) {
      if (!positions.knows(id) && !this.#stale.has(id)) this.#stale.set(id, 'new');
    }
  }

  /** Tells of those messages that were closed here and have been deleted since. */
  async sendDeletions(): Promise<void> {
    const { messages, sessionId, positions } = this.#deps;
    const closed = positions.listClosed();
    const there = new Set(await messages.existing(sessionId, closed));
    for (const id of closed) if (!there.has(id)) this.#sendDeleted(id);
  }

  /**
   * Reads again what the client lacks. One message at a time, as the client takes them: together they may be more
   * than an outbox holds.
   */
  async readStale(): Promise<void> {
    const { messages, sessionId, outbox, positions } = this.#deps;
    while (!this.#stopped && !outbox.overflowed) {
      const [messageId] = [...this.#stale.keys()].sort();
      if (messageId === undefined) return;
      await outbox.idle();
      if (this.#stopped) return;
      // It may have been read, and sent, while what made it stale arrived.
      const kind = positions.knows(messageId) ? 'known' : this.#stale.get(messageId);
      this.#stale.delete(messageId);
      if (positions.knowsEnd(messageId)) continue;
      const [message] = await messages.current(sessionId, [messageId]);
      if (message && kind === 'known') this.#sendState(message, positions.get(messageId));
      else if (message && kind === 'new') this.#sendNew(message);
      else if (kind === 'known') this.#sendDeleted(messageId);
    }
  }

  /** The states of all that the client may lack something of, oldest first. Tells of what was deleted. */
  async #readMissing(known: Map<string, Have>, since: string | undefined): Promise<Message[]> {
    const { messages, sessionId, positions } = this.#deps;
    const running = await messages.running(sessionId);
    const runningIds = new Set(running.map(({ id }) => id));
    const ended = [...known.keys()].filter((id) => !runningIds.has(id) && !positions.isClosed(id));
    const newer = since ? await messages.newerIds(sessionId, since) : [];
    const unknown = newer.filter((id) => !known.has(id) && !runningIds.has(id) && !positions.knows(id));
    // No more than about what an outbox holds: a few bytes of `have` may stand for tens of megabytes.
    const { read, left } = await messages.oldest(sessionId, [...ended, ...unknown]);
    for (const id of left) if (!this.#stale.has(id)) this.#stale.set(id, 'known');
    const there = new Set([...read.map(({ id }) => id), ...left]);
    for (const id of ended) if (!there.has(id)) this.#sendDeleted(id);
    return inOrder([...read, ...running]);
  }

  /** Whether an older message waits: whoever has the newer one, and is cut off, would never be told of that. */
  #isBehindOf(messageId: string): boolean {
    return [...this.#stale.keys()].some((id) => id < messageId);
  }

  /** A message that the client does not know. */
  #sendNew(message: Message): void {
    this.#deps.positions.note(message);
    this.#send('message:new', message);
    this.#sendEnd(message);
  }

  /** A message that the client may know in part. */
  #sendState(message: Message, have: Have | undefined): void {
    const { id, model, content, status } = message;
    this.#deps.positions.note(message);
    if (this.#stale.has(id)) this.#stale.set(id, 'known');
    // What nobody writes any more has no last event of its own: who has all of it has seen it.
    if (have && model === null && have.offset === content.length) return;
    const has = have && positionIn(have);
    if (!has || isTerminal(status) || !isBeginningOf(has, message)) {
      this.#send('message:update', message);
      this.#sendEnd(message);
      return;
    }
    // What is stored may be less than what the client has: it was lost, and its worker has not put it back yet.
    this.#deps.positions.keep(haveAt(id, further(has, positionOf(message))));
    this.#sendRest(message, has);
  }

  /** What stands behind that in either channel. */
  #sendRest({ id: messageId, sessionId, attempt, content, reasoning }: Message, has: Position): void {
    const channels: Pick<StreamEvent, 'channel' | 'offset' | 'delta'>[] = [
      { channel: 'reasoning', offset: has.reasoning, delta: reasoning?.slice(has.reasoning) ?? '' },
      { offset: has.offset, delta: content.slice(has.offset) },
    ];
    for (const rest of channels) {
      if (rest.delta !== '') this.#send('message:stream', { sessionId, messageId, attempt, ...rest });
    }
  }

  /** The end of a reply, if it has ended. */
  #sendEnd(message: Message): void {
    const { sessionId, id: messageId, role, status, error } = message;
    if (role !== 'assistant' || !isTerminal(status)) return;
    this.#deps.positions.close(messageId);
    if (error) this.#send('message:error', { sessionId, messageId, error });
    this.#send('message:done', doneOf(message));
  }

  #sendDeleted(messageId: string): void {
    this.#deps.positions.remove(messageId);
    this.#send('message:delete', { sessionId: this.#deps.sessionId, messageId });
  }

  #send<E extends RoomEventName>(event: E, payload: RoomEvents[E]): void {
    this.#deps.send(new RoomFrame(event, payload));
  }
}

/** Ids sort by time: a question comes before its reply. */
const inOrder = (messages: Message[]): Message[] => messages.sort((a, b) => (a.id < b.id ? -1 : 1));

/** Whether the message goes on from what the client has of it; also when that is more than what is stored. */
function isBeginningOf({ attempt, offset, reasoning }: Position, message: Message): boolean {
  return (
    attempt === message.attempt &&
    !splitsPair(message.content, offset) &&
    !splitsPair(message.reasoning ?? '', reasoning)
  );
}

/** As far as either of two positions in one attempt. */
function further(one: Position, other: Position): Position {
  return {
    attempt: one.attempt,
    offset: Math.max(one.offset, other.offset),
    reasoning: Math.max(one.reasoning, other.reasoning),
  };
}
