import type { Message } from '../contracts/message.ts';
import { anthropicErrorBody } from './anthropic-error.ts';
import { anthropicStopReasonOf, emptyAnthropicMessage, presentAnthropicUsage } from './anthropic-message.ts';
import type { CallDelta, CallTeller, ToldEvent } from './call-teller.ts';
import type { ToldCall } from './foreign-call.ts';
import { wholeCalls } from './whole-calls.ts';

/** A call in the events of Anthropic's messages: https://platform.claude.com/docs/en/build-with-claude/streaming */
export class AnthropicEvents implements CallTeller {
  readonly #call: ToldCall;
  /** The block that is being written, and how many are whole. */
  #open: 'text' | 'thinking' | undefined;
  #index = 0;

  constructor(call: ToldCall) {
    this.#call = call;
  }

  begin(): ToldEvent[] {
    return [event('message_start', { message: emptyAnthropicMessage(this.#call) })];
  }

  delta({ channel, text }: CallDelta): ToldEvent[] {
    const kind = channel ? 'thinking' : 'text';
    const before = this.#open === kind ? [] : [...this.#close(), ...this.#begin(kind)];
    const delta = channel ? { type: 'thinking_delta', thinking: text } : { type: 'text_delta', text };
    return [...before, event('content_block_delta', { index: this.#index, delta })];
  }

  end(message: Message): ToldEvent[] {
    const said = this.#close();
    const called = wholeCalls(message).flatMap(({ id, name, arguments: text }) => {
      const index = this.#index++;
      return [
        event('content_block_start', { index, content_block: { type: 'tool_use', id, name, input: {} } }),
        event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: text } }),
        event('content_block_stop', { index }),
      ];
    });
    const delta = { stop_reason: anthropicStopReasonOf(message), stop_sequence: null };
    return [
      ...said,
      ...called,
      event('message_delta', { delta, usage: presentAnthropicUsage(message.usage) }),
      event('message_stop', {}),
    ];
  }

  fail(problem: Parameters<CallTeller['fail']>[0]): ToldEvent[] {
    return [{ event: 'error', data: anthropicErrorBody(problem) }];
  }

  #begin(kind: 'text' | 'thinking'): ToldEvent[] {
    this.#open = kind;
    const block =
      kind === 'text'
        ? { type: 'text', text: '', citations: null }
        : { type: 'thinking', thinking: '', signature: '' };
    return [event('content_block_start', { index: this.#index, content_block: block })];
  }

  #close(): ToldEvent[] {
    if (!this.#open) return [];
    this.#open = undefined;
    return [event('content_block_stop', { index: this.#index++ })];
  }
}

const event = (type: string, fields: object): ToldEvent => ({ event: type, data: { type, ...fields } });
