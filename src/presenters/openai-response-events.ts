import type { Message } from '../contracts/message.ts';
import type { ResponseItemStatus, ResponseOutputItem } from '../contracts/openai-response-items.ts';
import type { ResponseBody, ResponseObject } from '../contracts/openai-responses.ts';
import type { CallDelta, CallTeller, ToldEvent } from './call-teller.ts';
import type { ToldCall } from './foreign-call.ts';
import { openAiErrorBody } from './openai-error.ts';
import {
  endedResponse,
  endStatusOf,
  presentCallItems,
  responseBase,
  textItem,
  textPart,
  thoughtItem,
} from './openai-response.ts';
import { itemId } from './openai-response-ids.ts';

/** The piece of the answer that is being written. */
interface OpenItem {
  kind: 'message' | 'reasoning';
  id: string;
  text: string;
}

/** A call in the events of responses: https://platform.openai.com/docs/api-reference/responses-streaming */
export class ResponseEvents implements CallTeller {
  readonly #messageId: string;
  readonly #base: ResponseObject;
  /** The pieces that are whole. */
  readonly #output: ResponseOutputItem[] = [];
  #open: OpenItem | undefined;
  #sequence = 0;

  constructor(call: ToldCall, asked: ResponseBody) {
    this.#messageId = call.messageId;
    this.#base = responseBase(call, asked);
  }

  begin(): ToldEvent[] {
    return ['response.created', 'response.in_progress'].map((type) =>
      this.#event(type, { response: this.#base }),
    );
  }

  delta({ channel, text }: CallDelta): ToldEvent[] {
    const kind = channel ?? 'message';
    const before = this.#open?.kind === kind ? [] : [...this.#close('completed'), ...this.#begin(kind)];
    if (this.#open) this.#open.text += text;
    const type = kind === 'message' ? 'response.output_text.delta' : 'response.reasoning_summary_text.delta';
    const more = kind === 'message' ? { delta: text, logprobs: [] } : { delta: text };
    return [...before, this.#event(type, { ...this.#place(), ...more })];
  }

  end(message: Message): ToldEvent[] {
    const status = endStatusOf(message);
    const isSilent = this.#output.every(({ type }) => type !== 'message') && this.#open?.kind !== 'message';
    const said =
      isSilent && message.toolCalls.length === 0
        ? [...this.#close('completed'), ...this.#begin('message'), ...this.#close(status)]
        : this.#close(status);
    const called = presentCallItems(this.#messageId, message).flatMap((call) => {
      const place = { item_id: call.id, output_index: this.#output.length };
      const started = { ...call, status: 'in_progress' as const, arguments: '' };
      this.#output.push(call);
      return [
        this.#event('response.output_item.added', { output_index: place.output_index, item: started }),
        this.#event('response.function_call_arguments.delta', { ...place, delta: call.arguments }),
        this.#event('response.function_call_arguments.done', {
          ...place,
          name: call.name,
          arguments: call.arguments,
        }),
        this.#event('response.output_item.done', { output_index: place.output_index, item: call }),
      ];
    });
    const response = endedResponse(this.#base, message, this.#output);
    return [...said, ...called, this.#event(`response.${status}`, { response })];
  }

  fail(problem: Parameters<CallTeller['fail']>[0]): ToldEvent[] {
    const { message } = openAiErrorBody(problem).error;
    const closed = this.#close('incomplete');
    // The codes of a failed response are OpenAI's own list; this is its only one for a server that fails.
    const error = { code: 'server_error', message };
    const response = { ...this.#base, status: 'failed', error, output: this.#output };
    return [...closed, this.#event('response.failed', { response })];
  }

  #event(type: string, fields: object): ToldEvent {
    return { event: type, data: { type, sequence_number: this.#sequence++, ...fields } };
  }

  /** Where the open piece is. */
  #place() {
    const { id, kind } = this.#open as OpenItem;
    const part = kind === 'message' ? { content_index: 0 } : { summary_index: 0 };
    return { item_id: id, output_index: this.#output.length, ...part };
  }

  #begin(kind: OpenItem['kind']): ToldEvent[] {
    const index = this.#output.filter(({ type }) => type === kind).length;
    const open = { kind, id: itemId(kind, this.#messageId, index), text: '' };
    this.#open = open;
    const item =
      kind === 'message'
        ? { ...textItem(open.id, '', 'in_progress'), content: [] }
        : thoughtItem(open.id, '');
    return [
      this.#event('response.output_item.added', { output_index: this.#output.length, item }),
      kind === 'message'
        ? this.#event('response.content_part.added', { ...this.#place(), part: textPart('') })
        : this.#event('response.reasoning_summary_part.added', { ...this.#place(), part: thoughtPart('') }),
    ];
  }

  #close(status: ResponseItemStatus): ToldEvent[] {
    if (!this.#open) return [];
    const { kind, id, text } = this.#open;
    const place = this.#place();
    const item = kind === 'message' ? textItem(id, text, status) : thoughtItem(id, text);
    this.#open = undefined;
    this.#output.push(item);
    const done = { output_index: place.output_index, item };
    return kind === 'message'
      ? [
          this.#event('response.output_text.done', { ...place, text, logprobs: [] }),
          this.#event('response.content_part.done', { ...place, part: textPart(text) }),
          this.#event('response.output_item.done', done),
        ]
      : [
          this.#event('response.reasoning_summary_text.done', { ...place, text }),
          this.#event('response.reasoning_summary_part.done', { ...place, part: thoughtPart(text) }),
          this.#event('response.output_item.done', done),
        ];
  }
}

const thoughtPart = (text: string) => ({ type: 'summary_text', text });
