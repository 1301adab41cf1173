import type { ToolCall } from '../contracts/prompt.ts';
import { AnswerTooLongError } from './answer-too-long.ts';
import { cleanText } from './clean-text.ts';
import type { FinishReason } from './provider.ts';
import type { EventSink } from './sse-exchange.ts';
import { makeCallId, signCallId } from './tool-call-id.ts';

/** Most calls of one answer. */
const MAX_CALLS = 128;
/** Most of what all calls of an answer may be together, in UTF-16 code units. */
const MAX_UNITS = 1024 * 1024;

/** A piece of a call; a wire leaves out what it has told before. */
export interface CallFragment {
  /** Which call, where the wire counts them. */
  index?: number | undefined;
  id?: string | undefined;
  name?: string | undefined;
  /** The next piece of the arguments. */
  text?: string | undefined;
}

/** What of a fragment the model has written. */
export const textOf = ({ name = '', text = '' }: CallFragment): string => name + text;

interface Collected {
  index: number | undefined;
  id: string;
  name: string;
  text: string;
}

/**
 * Puts the calls of one answer together that come in fragments. OpenAI counts them; compatible servers leave the
 * index out, give all calls the same one, repeat ids and names, make a new id for each fragment, or send a call
 * whole. So a call goes on until a fragment has a name, and what it has besides says that it is another call's.
 */
export class ToolCallCollector {
  readonly #calls: Collected[] = [];
  /** By the id of the call. */
  readonly #signatures = new Map<string, string>();
  #units = 0;

  /**
   * Takes the next fragment.
   *
   * @throws {AnswerTooLongError} when an answer has more than 128 calls, or a million characters of them
   */
  add(fragment: CallFragment): void {
    const { index, id = '', name = '', text = '' } = fragment;
    const call = this.#callOf(fragment) ?? this.#begin(index);
    if (name && name !== call.name) call.name += this.#counted(name);
    if (id && !call.id) call.id = this.#counted(id);
    if (text) call.text += this.#counted(text);
  }

  /**
   * Has a call carry a signature in its id ({@link signCallId}), where it is not told with the call itself.
   *
   * @throws {AnswerTooLongError} like {@link add}
   */
  sign(id: string, signature: string): void {
    this.#signatures.set(this.#counted(id), this.#counted(signature));
  }

  /** The calls, whole and clean; without those that have no name, which nobody can make. */
  calls(): ToolCall[] {
    return this.#calls
      .filter(({ name }) => name !== '')
      .map(({ id, name, text }) => ({
        id: this.#signed(cleanText(id) || makeCallId()),
        name: cleanText(name),
        arguments: text.trim() === '' ? '{}' : cleanText(text),
      }));
  }

  #signed(id: string): string {
    const signature = this.#signatures.get(id);
    return signature === undefined ? id : signCallId(id, signature);
  }

  /** The call that a fragment goes on with; undefined: it begins another. */
  #callOf(fragment: CallFragment): Collected | undefined {
    const { index, id, name } = fragment;
    const call = this.#candidate(fragment);
    if (!call || !name) return call;
    if (id && call.id) return id === call.id ? call : undefined;
    // Without an id and an index only the name tells where a call begins.
    if (!id && index === undefined) return call.name === '' ? call : undefined;
    return call.name === name || call.text === '' ? call : undefined;
  }

  /** The latest with the index, without one that with the id; else, unless the fragment may begin one, the latest. */
  #candidate({ index, id, name }: CallFragment): Collected | undefined {
    if (index !== undefined) {
      const indexed = this.#calls.findLast((call) => call.index === index);
      return indexed ?? (id || name ? undefined : this.#calls.at(-1));
    }
    return (id && this.#calls.findLast((call) => call.id === id)) || this.#calls.at(-1);
  }

  #begin(index: number | undefined): Collected {
    if (this.#calls.length >= MAX_CALLS) throw new AnswerTooLongError(`${MAX_CALLS} calls in one answer`);
    const call = { index, id: '', name: '', text: '' };
    this.#calls.push(call);
    return call;
  }

  #counted(piece: string): string {
    this.#units += piece.length;
    if (this.#units > MAX_UNITS)
      throw new AnswerTooLongError(`${MAX_UNITS} characters of calls in one answer`);
    return piece;
  }
}

/** How a model stopped. */
export interface WireEnd {
  reason: FinishReason;
  calls: ToolCall[] | undefined;
}

/**
 * Pushes the calls, if there are some, and `finish`. Some servers say `stop` although the model asks for calls, others that it
 * asks for calls where there is none: a client would wait for what never comes.
 */
export function pushEnd({ reason, calls = [] }: WireEnd, out: EventSink): void {
  if (calls.length > 0) out.push({ type: 'tool_calls', calls });
  out.push({ type: 'finish', reason: finishOf(reason, calls) });
}

function finishOf(reason: FinishReason, { length }: ToolCall[]): FinishReason {
  if ((reason === 'stop' || reason === 'refusal') && length > 0) return 'tool_calls';
  return reason === 'tool_calls' && length === 0 ? 'stop' : reason;
}
