import { newId } from '../base/ids.ts';
import { splitsPair } from '../base/text.ts';
import type { Have, StreamEvent } from '../contracts/events.ts';
import { isTerminal, type Message } from '../contracts/message.ts';
import { BoundedSet } from './bounded-set.ts';

/** What is to be done with a delta: `gap` when something before it is missing, else what the client lacks of it. */
export type DeltaVerdict = 'drop' | 'gap' | { from: number };

/** Ended messages that are remembered, so that a second announcement of their end is dropped. */
const REMEMBERED = 1_000;

/** How much one client has of each message of one session. */
export class MessagePositions {
  /** Running messages that the client knows. */
  readonly #live = new Map<string, { attempt: number; offset: number }>();
  /** Messages of which nothing more is to be sent: ended ones, and what people wrote. */
  readonly #closed = new BoundedSet(REMEMBERED);
  /** The client has all of what is not newer than this and not in {@link #live}. */
  #closedUpTo = '';
  /** Ids sort by time: a session without messages begins now. */
  #newest = newId();

  /** The newest message that was noted; whatever is newer has not been seen. */
  get newest(): string {
    return this.#newest;
  }

  /** How far each running message is. */
  list(): Have[] {
    return [...this.#live].map(([messageId, position]) => ({ messageId, ...position }));
  }

  /** How far the client is in a running message. */
  get(messageId: string): Have | undefined {
    const position = this.#live.get(messageId);
    return position && { messageId, ...position };
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
    for (const { messageId, done, ...position } of have) {
      if (messageId > this.#closedUpTo) this.#closedUpTo = messageId;
      if (!done && !this.#closed.has(messageId)) this.#live.set(messageId, position);
    }
  }

  /** The client has this state of a message. */
  note({ id, role, status, attempt, content }: Message): void {
    if (id > this.#newest) this.#newest = id;
    if (isTerminal(status) && role !== 'assistant') this.close(id);
    else if (!this.#closed.has(id)) this.#live.set(id, { attempt, offset: content.length });
  }

  /** The client has this much of a running message. */
  keep({ messageId, attempt, offset }: Have): void {
    this.#live.set(messageId, { attempt, offset });
  }

  /** The client has all of a message. */
  close(messageId: string): void {
    this.#live.delete(messageId);
    this.#closed.add(messageId);
  }

  /** What the client has of a message is not known any more. */
  forget(messageId: string): void {
    this.#live.delete(messageId);
    this.#closed.delete(messageId);
  }

  /** Compares a delta with what the client has, and notes what it is about to be sent. */
  advance({ messageId, attempt, offset, delta }: StreamEvent): DeltaVerdict {
    const has = this.#live.get(messageId) ?? { attempt: 0, offset: 0 };
    if (attempt < has.attempt) return 'drop';
    // A further attempt begins with an update; the first needs none, as attempt 0 is an empty placeholder.
    if ((attempt > has.attempt && has.attempt > 0) || offset > has.offset) return 'gap';
    const end = offset + delta.length;
    if (end <= has.offset) return 'drop';
    this.#live.set(messageId, { attempt, offset: end });
    return { from: has.offset };
  }

  /** Whether a snapshot of a running message has nothing that the client lacks. */
  covers({ id, attempt, content }: Message): boolean {
    const has = this.#live.get(id);
    if (!has) return false;
    return attempt < has.attempt || (attempt === has.attempt && content.length <= has.offset);
  }
}

/** Whether a client has more of a running message than there is. */
export function isAheadOf(
  { attempt, offset }: Have,
  { attempt: current, content, status }: Message,
): boolean {
  return !isTerminal(status) && attempt === current && offset > content.length;
}

/** Whether what a client has is a beginning of the message's text. */
export function isBeginningOf({ attempt, offset }: Have, { attempt: current, content }: Message): boolean {
  return attempt === current && offset <= content.length && !splitsPair(content, offset);
}
