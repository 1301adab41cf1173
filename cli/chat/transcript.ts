import {
  type DoneEvent,
  type Have,
  MAX_HAVE,
  type MessageErrorEvent,
  type StreamEvent,
} from '../../src/contracts/events.ts';
import { isTerminal, type Message } from '../../src/contracts/message.ts';

/** What an event changes for somebody who has shown everything up to it. */
export type Change =
  /** A message that was not known; its text so far is shown. */
  | { type: 'begin'; entry: Entry }
  /** More of a message's text, or of its reasoning. */
  | { type: 'append'; entry: Entry; part: Part; text: string }
  /** All that was shown of a message is void; its text and its reasoning are now these. */
  | { type: 'restart'; entry: Entry }
  /** Nothing of this message follows. */
  | { type: 'end'; entry: Entry }
  /** Something is missing: join again with {@link Transcript.have}. */
  | { type: 'gap'; entry: Entry };

/** What a message has two of, each with offsets of its own. */
export type Part = 'text' | 'reasoning';

/** One message, as far as it is known. */
export interface Entry {
  readonly id: string;
  readonly role: Message['role'];
  readonly model: string | null;
  /** Which attempt {@link text} and {@link reasoning} are from; 0 while nothing has been written. */
  attempt: number;
  text: string;
  /** What the model thought before it answered; empty where it told nothing of that. */
  reasoning: string;
  status: Message['status'];
  error: Message['error'];
  credits: number | null;
  tokens: number | null;
  /** Its last event has come. */
  ended: boolean;
}

/**
 * The messages of one session, put together from events that may come twice, late, or with gaps between them: after
 * a join again, from a snapshot on, or from another attempt. Every event goes in; out comes what to show.
 */
export class Transcript {
  readonly #entries = new Map<string, Entry>();

  /** A message that is known, with its text so far. */
  get(messageId: string): Entry | undefined {
    return this.#entries.get(messageId);
  }

  /** The newest message that fulfils the condition. Ids sort by time. */
  newest(condition: (entry: Entry) => boolean = () => true): Entry | undefined {
    return [...this.#entries.values()]
      .filter(condition)
      .reduce<Entry | undefined>((best, entry) => (best && best.id > entry.id ? best : entry), undefined);
  }

  /**
   * What a join has to tell the server: how much there is of each running message, and the newest message of all,
   * so that the server sends what came after it.
   */
  have(): Have[] {
    const running = [...this.#entries.values()].filter((entry) => !entry.ended);
    const newest = this.newest();
    const known = newest?.ended ? [...running, newest] : running;
    return known.slice(-MAX_HAVE).map(toHave);
  }

  /** Messages that were read over HTTP: nothing more is expected of those that have ended. */
  restore(messages: Message[]): void {
    for (const message of messages) {
      this.#entries.set(message.id, { ...toEntry(message), ended: isTerminal(message.status) });
    }
  }

  /** `message:new`, and the acknowledgement of a send. A known message stays as it is. */
  add(message: Message): Change[] {
    if (this.#entries.has(message.id)) return [];
    const entry = toEntry(message);
    this.#entries.set(entry.id, entry);
    return [{ type: 'begin', entry }];
  }

  /** `message:stream` */
  stream({ messageId, attempt, channel, offset, delta }: StreamEvent): Change[] {
    const entry = this.#entries.get(messageId);
    if (!entry || entry.ended || attempt < entry.attempt) return [];
    const part = channel ?? 'text';
    if (attempt > entry.attempt) {
      if (offset > 0) return [{ type: 'gap', entry }];
      return replace(entry, attempt, { text: '', reasoning: '', [part]: delta });
    }
    const has = entry[part].length;
    if (offset > has) return [{ type: 'gap', entry }];
    return append(entry, part, delta.slice(has - offset));
  }

  /** `message:update`: the message, whole. */
  update(message: Message): Change[] {
    const entry = this.#entries.get(message.id);
    if (!entry) return this.add(message);
    const final = isTerminal(message.status);
    if (entry.ended || (!final && isOld(message, entry))) return [];
    Object.assign(entry, outcomeOf(message));
    const written = partsOf(message);
    const goesOn = begins(entry, written) && (final || message.attempt === entry.attempt);
    if (!goesOn) return replace(entry, message.attempt, written);
    entry.attempt = message.attempt;
    return grow(entry, written);
  }

  /** `message:error`: why it failed; `message:done` follows. */
  fail({ messageId, error }: MessageErrorEvent): Change[] {
    const entry = this.#entries.get(messageId);
    if (entry) entry.error = error;
    return [];
  }

  /** `message:done` */
  done({ messageId, status, credits, usage }: DoneEvent): Change[] {
    const entry = this.#entries.get(messageId);
    if (!entry || entry.ended) return [];
    Object.assign(entry, { status, credits, tokens: usage?.totalTokens ?? null, ended: true });
    return [{ type: 'end', entry }];
  }

  /** `message:delete` */
  remove(messageId: string): Change[] {
    const entry = this.#entries.get(messageId);
    this.#entries.delete(messageId);
    if (!entry || entry.ended) return [];
    entry.ended = true;
    return [{ type: 'end', entry }];
  }
}

type Parts = Record<Part, string>;

function toHave({ id, attempt, text, reasoning, ended }: Entry): Have {
  return {
    messageId: id,
    attempt,
    offset: text.length,
    ...(reasoning === '' ? {} : { reasoning: reasoning.length }),
    ...(ended ? { done: true } : {}),
  };
}

const partsOf = ({ content, reasoning }: Message): Parts => ({ text: content, reasoning: reasoning ?? '' });

/** Whether the second goes on where the first ends. */
const begins = (first: Parts, second: Parts): boolean =>
  second.text.startsWith(first.text) && second.reasoning.startsWith(first.reasoning);

/** What an attempt writes only grows: what is shorter than what is known was overtaken. */
function isOld(message: Message, entry: Entry): boolean {
  const { attempt } = message;
  return attempt < entry.attempt || (attempt === entry.attempt && begins(partsOf(message), entry));
}

function toEntry(message: Message): Entry {
  const { id, role, model, attempt, status } = message;
  // A reply ends with its `message:done`; what people wrote is complete from the start.
  const ended = isTerminal(status) && (role !== 'assistant' || model === null);
  return { id, role, model, attempt, ...partsOf(message), ended, ...outcomeOf(message) };
}

function outcomeOf({ status, error, credits, usage }: Message) {
  return { status, error, credits, tokens: usage?.totalTokens ?? null };
}

function append(entry: Entry, part: Part, text: string): Change[] {
  if (text === '') return [];
  entry[part] += text;
  return [{ type: 'append', entry, part, text }];
}

/** What is there now goes on where the entry ends: the rest of it. */
function grow(entry: Entry, { text, reasoning }: Parts): Change[] {
  return [
    ...append(entry, 'reasoning', reasoning.slice(entry.reasoning.length)),
    ...append(entry, 'text', text.slice(entry.text.length)),
  ];
}

/** Something else in the place of what was shown, if anything was. */
function replace(entry: Entry, attempt: number, written: Parts): Change[] {
  const wasShown = entry.text !== '' || entry.reasoning !== '';
  Object.assign(entry, { attempt, text: '', reasoning: '' });
  const changes = grow(entry, written);
  return wasShown ? [{ type: 'restart', entry }] : changes;
}
