import type { DoneEvent, Have, RoomEventName, RoomEvents } from '../../src/contracts/events.ts';
import { isTerminal, type Message } from '../../src/contracts/message.ts';

/** What a client has of one message. */
export interface Copy {
  /** As it was last sent whole. */
  message: Message;
  /** Which attempt `text` and `reasoning` are from. */
  attempt: number;
  text: string;
  /** Empty where there is none. */
  reasoning: string;
  /** The attempts it was told of, in order. */
  attempts: number[];
  done: DoneEvent | undefined;
  /** Its end was read over HTTP, and `message:done` has not come: it may, as who joins can be told what was stored just before. */
  isRead: boolean;
  /** `message:error` came. */
  failed: boolean;
}

/** An event, in short. */
export interface Heard {
  event: RoomEventName;
  messageId?: string;
  status?: Message['status'];
  attempt?: number;
  /** Characters that it brought, of the text or (a delta) of its channel. */
  chars?: number;
  channel?: 'reasoning';
}

/**
 * What one client knows, by applying the rules of the contract to the letter: whatever a correct server never sends
 * is noted in `faults`: a gap, a text that comes twice or goes back, an unknown message, anything after the end.
 */
export class Transcript {
  readonly copies = new Map<string, Copy>();
  readonly heard: Heard[] = [];
  readonly faults: string[] = [];

  /** Takes an event of the room of a session. */
  apply<E extends RoomEventName>(event: E, payload: RoomEvents[E]): void {
    const taken = { event, payload } as Taken;
    const heard = inShort(taken);
    this.heard.push(heard);
    const fault = this.#take(taken);
    if (fault !== undefined) this.faults.push(`${event} of ${heard.messageId}: ${fault}`);
  }

  /** What to join with: how much of every message that has not ended, and the newest one that has. */
  have(): Have[] {
    const all = [...this.copies].map(([messageId, { message, attempt, text, reasoning, done }]) => ({
      messageId,
      attempt,
      offset: text.length,
      ...(reasoning !== '' && { reasoning: reasoning.length }),
      done: done !== undefined || message.role === 'user',
    }));
    const ended = all.filter(({ done }) => done).sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
    return [...all.filter(({ done }) => !done), ...ended.slice(-1)];
  }

  /** Forgets what has not ended, as a client that keeps nothing over a reconnect. */
  forgetRunning(): void {
    for (const { messageId, done } of this.have()) if (!done) this.copies.delete(messageId);
  }

  /** A message that was read over HTTP: a client without `have` learns in this way what ended while it was away. */
  read(message: Message): void {
    if (this.copies.has(message.id) || !isTerminal(message.status)) return;
    const copy = this.#open(message);
    copy.done = { ...message, messageId: message.id };
    copy.isRead = true;
  }

  /** The text of a message; undefined when it is not known. */
  text(messageId: string): string | undefined {
    return this.copies.get(messageId)?.text;
  }

  /** The reasoning of a message; empty where there is none. */
  reasoning(messageId: string): string | undefined {
    return this.copies.get(messageId)?.reasoning;
  }

  /** Whether `message:done` has come. */
  isDone(messageId: string): boolean {
    return this.copies.get(messageId)?.done !== undefined;
  }

  /** The events of one message, in short. */
  of(messageId: string): Heard[] {
    return this.heard.filter((each) => each.messageId === messageId);
  }

  #open(message: Message): Copy {
    const { attempt, content: text, reasoning } = message;
    const copy: Copy = {
      message,
      attempt,
      text,
      reasoning: reasoning ?? '',
      attempts: [attempt],
      done: undefined,
      isRead: false,
      failed: false,
    };
    this.copies.set(message.id, copy);
    return copy;
  }

  /** Applies an event; answers what is wrong with it. */
  #take(taken: Taken): string | undefined {
    if (taken.event === 'message:new') return this.#onNew(taken.payload);
    if (taken.event === 'message:stream') return this.#onDelta(taken.payload);
    if (taken.event === 'message:update') return this.#onUpdate(taken.payload);
    if (taken.event === 'message:error') return this.#onError(taken.payload);
    if (taken.event === 'message:done') return this.#onDone(taken.payload);
    return undefined;
  }

  #onNew(message: Message): string | undefined {
    const known = this.copies.get(message.id);
    if (known) return known.isRead ? undefined : 'came twice';
    this.#open(message);
    const answers = message.role === 'assistant' ? this.copies.get(message.parentId ?? '') : message;
    return answers ? undefined : 'came before what it answers';
  }

  #onDelta(event: RoomEvents['message:stream']): string | undefined {
    const { messageId, attempt, channel, offset, delta } = event;
    const copy = this.copies.get(messageId);
    if (!copy) return 'the message was not announced';
    if (copy.done || isTerminal(copy.message.status)) return 'after the final text';
    if (delta === '' || /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(delta)) return 'empty, or half a character';
    // The first attempt needs no message:update before it; every later one does.
    if (copy.attempt === 0 && attempt > 0 && offset === 0) this.#turnTo(copy, attempt);
    if (attempt !== copy.attempt) return `attempt ${attempt}, when it is at attempt ${copy.attempt}`;
    if ('channel' in event && channel !== 'reasoning') return `in the channel ${channel}`;
    const part = channel ?? 'text';
    const has = copy[part].length;
    if (offset > has) return `a gap in the ${part}: has ${has}, begins at ${offset}`;
    if (offset < has) return `${part} twice: has ${has}, begins at ${offset}`;
    copy[part] += delta;
    return undefined;
  }

  #onUpdate(message: Message): string | undefined {
    const { id, attempt, content, reasoning, status } = message;
    const copy = this.copies.get(id);
    if (!copy) {
      this.#open(message);
      return undefined;
    }
    const { message: before, attempt: attemptBefore, done, isRead } = copy;
    if (done && !isRead) return 'after message:done';
    if (done && content !== copy.text) return 'not the text that was read';
    if (attempt > attemptBefore) this.#turnTo(copy, attempt);
    const { text: textBefore, reasoning: reasoningBefore } = copy;
    Object.assign(copy, { message, text: content, reasoning: reasoning ?? '' });
    if (attempt < attemptBefore) return `back from attempt ${attemptBefore} to ${attempt}`;
    if (!content.startsWith(textBefore)) return 'took text back';
    if (!copy.reasoning.startsWith(reasoningBefore)) return 'took reasoning back';
    if (isTerminal(before.status) && status !== before.status) return `changed the end to ${status}`;
    return undefined;
  }

  #onError({ messageId }: RoomEvents['message:error']): string | undefined {
    const copy = this.copies.get(messageId);
    if (!copy || (copy.done && !copy.isRead)) return 'out of place';
    copy.failed = true;
    return undefined;
  }

  #onDone(done: DoneEvent): string | undefined {
    const copy = this.copies.get(done.messageId);
    if (!copy) return 'the message was not announced';
    if (copy.done && !copy.isRead) return 'came twice';
    copy.done = done;
    copy.isRead = false;
    if (copy.message.status !== done.status) return 'the whole message did not come before it';
    if (copy.failed !== (done.status === 'failed')) return 'message:error did not come before it';
    return undefined;
  }

  #turnTo(copy: Copy, attempt: number): void {
    copy.attempt = attempt;
    copy.text = '';
    copy.reasoning = '';
    copy.attempts.push(attempt);
  }
}

/** An event with its payload, told apart by name. */
type Taken = { [E in RoomEventName]: { event: E; payload: RoomEvents[E] } }[RoomEventName];

function inShort({ event, payload }: Taken): Heard {
  if (event === 'message:new' || event === 'message:update') {
    const { id: messageId, status, attempt, content } = payload;
    return { event, messageId, status, attempt, chars: content.length };
  }
  if (event === 'message:stream') {
    const { messageId, attempt, channel, delta } = payload;
    return { event, messageId, attempt, chars: delta.length, ...(channel && { channel }) };
  }
  return 'messageId' in payload ? { event, messageId: payload.messageId } : { event };
}
