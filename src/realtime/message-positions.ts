import { newId } from '../base/ids.ts';
import type { Have, StreamEvent } from '../contracts/events.ts';
import { isTerminal, type Message } from '../contracts/message.ts';
import { BoundedSet } from './bounded-set.ts';
import { behindDelta, haveAt, type Position, positionIn, positionOf, START } from './position.ts';

/** What is to be done with a delta: `gap` when something before it is missing, else what the client lacks of it. */
export type DeltaVerdict = 'drop' | 'gap' | { from: number };

/** Ended messages that are remembered, so that a second announcement of their end is dropped. */
const REMEMBERED = 1_000;

/** How much one client has of each message of one session. */
export class MessagePositions {
  /** Running messages that the client knows. */
  readonly #live = new Map<string, Position>();
  /** Messages of which nothing more is to be sent: ended ones, and what people wrote. */
  readonly #closed = new BoundedSet(REMEMBERED);
  /** Those of them that the client knows to be gone. */
  readonly #deleted = new BoundedSet(REMEMBERED);
  /** The client has all of what is not newer than this and not in {@link #live}. */
  #closedUpTo = '';
  /** Ids sort by time: whoever comes with nothing begins now. */
  #newest = newId();

  /** The newest message that the client has something of. It has been told of all that is older, and of nothing newer. */
  get newest(): string {
    return this.#newest;
  }

  /** How far each running message is. */
  list(): Have[] {
    return [...this.#live].map(([messageId, position]) => haveAt(messageId, position));
  }

  /** How far the client is in a running message. */
  get(messageId: string): Have | undefined {
    const position = this.#live.get(messageId);
    return position && haveAt(messageId, position);
  }

  /** Whether the client has been told of the message here. */
  knows(messageId: string): boolean {
    return this.#live.has(messageId) || this.#closed.has(messageId);
  }

  /** Whether the client has been told of the end of the message here. */
  knowsEnd(messageId: string): boolean {
    return this.#closed.has(messageId);
  }

  /** Whether nothing more of the message is to be sent, since the client knows its end from here or elsewhere. */
  isClosed(messageId: string): boolean {
    return this.#closed.has(messageId) || (messageId <= this.#closedUpTo && !this.#live.has(messageId));
  }

  /** What a client says that it has when it joins: of what is older, and not in the list, it has all. */
  claim(have: Have[]): void {
    // A client that comes back goes on there, not now.
    const newest = have.reduce((last, { messageId }) => (messageId > last ? messageId : last), '');
    if (newest > this.#newest || (newest !== '' && this.#closedUpTo === '')) this.#newest = newest;
    for (const each of have) {
      const { messageId, done } = each;
      if (messageId > this.#closedUpTo) this.#closedUpTo = messageId;
      if (!done && !this.#closed.has(messageId)) this.#live.set(messageId, positionIn(each));
    }
  }

  /** The client has this state of a message. */
  note(message: Message): void {
    const { id, role, status } = message;
    if (id > this.#newest) this.#newest = id;
    if (isTerminal(status) && role !== 'assistant') this.close(id);
    else if (!this.#closed.has(id)) this.#live.set(id, positionOf(message));
  }

  /** The client has this much of a running message. */
  keep(have: Have): void {
    this.#live.set(have.messageId, positionIn(have));
  }

  /** The client has all of a message. */
  close(messageId: string): void {
    this.#live.delete(messageId);
    this.#closed.add(messageId);
  }

  /** The client has been told that a message is not there any more. */
  remove(messageId: string): void {
    this.close(messageId);
    this.#deleted.add(messageId);
  }

  /** Whether the client has been told that the message is not there any more. */
  isRemoved(messageId: string): boolean {
    return this.#deleted.has(messageId);
  }

  /** Messages that were closed here and are still there for the client; the newest that are remembered. */
  listClosed(): string[] {
    return this.#closed.list().filter((id) => !this.#deleted.has(id));
  }

  /** What the client has of a message is not known any more. */
  forget(messageId: string): void {
    this.#live.delete(messageId);
    this.#closed.delete(messageId);
  }

  /** Compares a delta with what the client has of its channel, and notes what it is about to be sent. */
  advance(event: StreamEvent): DeltaVerdict {
    const { messageId, attempt, channel, offset, delta } = event;
    const position = this.#live.get(messageId) ?? START;
    const has = channel ? position.reasoning : position.offset;
    if (attempt < position.attempt) return 'drop';
    // A further attempt begins with an update; the first needs none, as attempt 0 is an empty placeholder.
    if ((attempt > position.attempt && position.attempt > 0) || offset > has) return 'gap';
    if (offset + delta.length <= has) return 'drop';
    this.#live.set(messageId, behindDelta(position, event));
    return { from: has };
  }

  /** Whether a snapshot of a running message has nothing that the client lacks. */
  covers(message: Message): boolean {
    const has = this.#live.get(message.id);
    if (!has) return false;
    const { attempt, offset, reasoning } = positionOf(message);
    return (
      attempt < has.attempt || (attempt === has.attempt && offset <= has.offset && reasoning <= has.reasoning)
    );
  }
}
