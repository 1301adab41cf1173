import type { Message, Usage } from '../contracts/message.ts';
import type { ResponseItemStatus, ResponseOutputItem } from '../contracts/openai-response-items.ts';
import type { ResponseBody, ResponseObject } from '../contracts/openai-responses.ts';
import { secondsOf, type ToldCall } from './foreign-call.ts';
import { finishReasonOf, refusalOf } from './openai-chat.ts';
import { itemId } from './openai-response-ids.ts';
import { isCutOff } from './whole-calls.ts';

/** A call that has ended, as responses answer it. */
export function presentResponse(call: ToldCall, asked: ResponseBody, message: Message): ResponseObject {
  const { messageId } = call;
  const { content, reasoning, toolCalls } = message;
  const thought = reasoning ? [thoughtItem(itemId('reasoning', messageId, 0), reasoning)] : [];
  const isSaid = content !== '' || toolCalls.length === 0;
  const said = isSaid ? [saidItem(itemId('message', messageId, 0), message)] : [];
  const output = [...thought, ...said, ...presentCallItems(messageId, message)];
  return endedResponse(responseBase(call, asked), message, output);
}

/** What an answer says of the request, before anything has come of it. */
export function responseBase({ messageId, model, createdAt }: ToldCall, asked: ResponseBody): ResponseObject {
  return {
    id: `resp_${messageId}`,
    object: 'response',
    created_at: secondsOf(createdAt),
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    model,
    output: [],
    usage: null,
    store: false,
    previous_response_id: null,
    background: false,
    truncation: 'disabled',
    metadata: {},
    instructions: asked.instructions ?? null,
    max_output_tokens: asked.max_output_tokens ?? null,
    temperature: asked.temperature ?? null,
    top_p: asked.top_p ?? null,
    parallel_tool_calls: asked.parallel_tool_calls ?? true,
    reasoning: { effort: asked.reasoning?.effort ?? null, summary: null },
    text: { format: asked.text?.format ?? { type: 'text' } },
    tool_choice: asked.tool_choice ?? 'auto',
    tools: asked.tools ?? [],
  };
}

/** The answer once it has ended, with these pieces. */
export function endedResponse(
  base: ResponseObject,
  message: Message,
  output: ResponseOutputItem[],
): ResponseObject {
  const status = endStatusOf(message);
  const isFiltered = finishReasonOf(message) === 'content_filter';
  const reason = isFiltered ? ('content_filter' as const) : ('max_output_tokens' as const);
  return {
    ...base,
    status,
    incomplete_details: status === 'incomplete' ? { reason } : null,
    output,
    usage: presentResponseUsage(message.usage),
  };
}

/** A text that is not whole, for whatever reason, is `incomplete`. */
export function endStatusOf(message: Message): 'completed' | 'incomplete' {
  const reason = finishReasonOf(message);
  return reason === 'stop' || reason === 'tool_calls' ? 'completed' : 'incomplete';
}

/** What the model thought. */
export function thoughtItem(id: string, text: string): ResponseOutputItem {
  return { type: 'reasoning', id, summary: text === '' ? [] : [{ type: 'summary_text', text }] };
}

/** What the model said. */
export function textItem(id: string, text: string, status: ResponseItemStatus): ResponseOutputItem {
  return { type: 'message', id, status, role: 'assistant', content: [textPart(text)] };
}

/** What the model said, or how it declined. */
function saidItem(id: string, message: Message): ResponseOutputItem {
  const status = endStatusOf(message);
  const refusal = refusalOf(message);
  if (refusal === null) return textItem(id, message.content, status);
  return { type: 'message', id, status, role: 'assistant', content: [{ type: 'refusal', refusal }] };
}

/** The text of what the model said. */
export const textPart = (text: string) => ({
  type: 'output_text' as const,
  text,
  annotations: [],
  logprobs: [],
});

/** What the model asks its client to call. */
export function presentCallItems(messageId: string, message: Message) {
  return message.toolCalls.map(({ id, name, arguments: text }, index) => ({
    type: 'function_call' as const,
    id: itemId('function_call', messageId, index),
    status: isCutOff(message, index) ? ('incomplete' as const) : ('completed' as const),
    call_id: id,
    name,
    arguments: text,
  }));
}

function presentResponseUsage(usage: Usage | null): ResponseObject['usage'] {
  return {
    input_tokens: usage?.inputTokens ?? 0,
    input_tokens_details: { cached_tokens: usage?.cachedInputTokens ?? 0 },
    output_tokens: usage?.outputTokens ?? 0,
    output_tokens_details: { reasoning_tokens: usage?.reasoningTokens ?? 0 },
    total_tokens: usage?.totalTokens ?? 0,
  };
}
