import type { DoneEvent, Have, RoomEventName, RoomEvents } from '../../src/contracts/events.ts';
import { isTerminal, type Message } from '../../src/contracts/message.ts';

/** What a client has of one message. */
export interface Copy {
  /** As it was last sent whole. */
  message: Message;
  /** Which attempt `text` is from. */
  attempt: number;
  text: string;
  /** The attempts it was told of, in order. */
  attempts: number[];
  done: DoneEvent | undefined;
  /** `message:error` came. */
  failed: boolean;
}

/** An event, in short. */
export interface Heard {
  event: RoomEventName;
  messageId?: string;
  status?: Message['status'];
  attempt?: number;
  /** Characters that it brought. */
  chars?: number;
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
    this.heard.push(inShort(taken));
    if (taken.event === 'message:new') this.#onNew(taken.payload);
    else if (taken.event === 'message:stream') this.#onDelta(taken.payload);
    else if (taken.event === 'message:update') this.#onUpdate(taken.payload);
    else if (taken.event === 'message:error') this.#onError(taken.payload);
    else if (taken.event === 'message:done') this.#onDone(taken.payload);
  }

  /** What to join with: every message that has not ended. */
  have(): Have[] {
    return [...this.copies]
      .filter(([, { message, done }]) => message.role === 'assistant' && !done)
      .map(([messageId, { attempt, text }]) => ({ messageId, attempt, offset: text.length }));
  }

  /** Forgets what has not ended, as a client that keeps nothing over a reconnect. */
  forgetRunning(): void {
    for (const { messageId } of this.have()) this.copies.delete(messageId);
  }

  /** A message that was read over HTTP: a client without `have` learns in this way what ended while it was away. */
  read(message: Message): void {
    if (this.copies.has(message.id) || !isTerminal(message.status)) return;
    const copy = this.#open(message);
    copy.done = { ...message, messageId: message.id };
  }

  /** The text of a message; undefined when it is not known. */
  text(messageId: string): string | undefined {
    return this.copies.get(messageId)?.text;
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
    const { attempt, content: text } = message;
    const copy = { message, attempt, text, attempts: [attempt], done: undefined, failed: false };
    this.copies.set(message.id, copy);
    return copy;
  }

  #onNew(message: Message): void {
    if (this.copies.has(message.id)) return this.#fault(message.id, 'message:new came twice');
    if (message.role === 'assistant' && !this.copies.has(message.parentId ?? '')) {
      this.#fault(message.id, 'the reply came before what it answers');
    }
    this.#open(message);
  }

  #onDelta({ messageId, attempt, offset, delta }: RoomEvents['message:stream']): void {
    const copy = this.copies.get(messageId);
    if (!copy) return this.#fault(messageId, 'a delta of a message that was not announced');
    if (copy.done) return this.#fault(messageId, 'a delta after message:done');
    if (isTerminal(copy.message.status)) return this.#fault(messageId, 'a delta after the final text');
    if (delta === '' || /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(delta)) {
      this.#fault(messageId, 'an empty delta, or half a character');
    }
    // The first attempt needs no message:update before it; every later one does.
    if (copy.attempt === 0 && attempt > 0 && offset === 0) this.#turnTo(copy, attempt);
    if (attempt !== copy.attempt) {
      this.#fault(messageId, `a delta of attempt ${attempt} in attempt ${copy.attempt}`);
    } else if (offset > copy.text.length) {
      this.#fault(messageId, `a gap: has ${copy.text.length}, the delta begins at ${offset}`);
    } else if (offset < copy.text.length) {
      this.#fault(messageId, `twice: has ${copy.text.length}, the delta begins at ${offset}`);
    } else {
      copy.text += delta;
    }
  }

  #onUpdate(message: Message): void {
    const { id, attempt, content, status } = message;
    const copy = this.copies.get(id);
    if (!copy) {
      this.#open(message);
      return;
    }
    if (copy.done) return this.#fault(id, 'message:update after message:done');
    if (attempt < copy.attempt) this.#fault(id, `went back from attempt ${copy.attempt} to ${attempt}`);
    if (attempt > copy.attempt) this.#turnTo(copy, attempt);
    if (!content.startsWith(copy.text)) this.#fault(id, 'message:update took text back');
    if (isTerminal(copy.message.status) && status !== copy.message.status) {
      this.#fault(id, `the final status changed to ${status}`);
    }
    copy.message = message;
    copy.text = content;
  }

  #onError({ messageId }: RoomEvents['message:error']): void {
    const copy = this.copies.get(messageId);
    if (!copy || copy.done) return this.#fault(messageId, 'message:error out of place');
    copy.failed = true;
  }

  #onDone(done: DoneEvent): void {
    const copy = this.copies.get(done.messageId);
    if (!copy) return this.#fault(done.messageId, 'the end of a message that was not announced');
    if (copy.done) return this.#fault(done.messageId, 'message:done came twice');
    if (copy.message.status !== done.status) this.#fault(done.messageId, 'no whole message before its end');
    if (copy.failed !== (done.status === 'failed')) this.#fault(done.messageId, 'message:error is missing');
    copy.done = done;
  }

  #turnTo(copy: Copy, attempt: number): void {
    copy.attempt = attempt;
    copy.text = '';
    copy.attempts.push(attempt);
  }

  #fault(messageId: string, what: string): void {
    this.faults.push(`${messageId}: ${what}`);
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
    return { event, messageId: payload.messageId, attempt: payload.attempt, chars: payload.delta.length };
  }
  return 'messageId' in payload ? { event, messageId: payload.messageId } : { event };
}
