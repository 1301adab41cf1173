import type { AnthropicBlock, AnthropicMessage } from '../contracts/anthropic-messages.ts';
import type { Message, Usage } from '../contracts/message.ts';
import { readArguments } from '../providers/call-arguments.ts';
import type { ToldCall } from './foreign-call.ts';
import { finishReasonOf } from './openai-chat.ts';

const STOP_REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  content_filter: 'refusal',
  tool_calls: 'tool_use',
} as const;

/** A call that has ended, as Anthropic's messages answer it. */
export function presentAnthropicMessage(call: ToldCall, message: Message): AnthropicMessage {
  const { content, reasoning, toolCalls } = message;
  const thought: AnthropicBlock[] = reasoning
    ? [{ type: 'thinking', thinking: reasoning, signature: '' }]
    : [];
  const said: AnthropicBlock[] = content === '' ? [] : [{ type: 'text', text: content, citations: null }];
  const called = toolCalls.map(({ id, name, arguments: text }) => ({
    type: 'tool_use' as const,
    id,
    name,
    input: readArguments(text),
  }));
  return {
    ...emptyAnthropicMessage(call),
    content: [...thought, ...said, ...called],
    stop_reason: anthropicStopReasonOf(message),
    usage: presentAnthropicUsage(message.usage),
  };
}

/** The same before anything has come of it. */
export function emptyAnthropicMessage({ messageId, model }: ToldCall): AnthropicMessage {
  return {
    id: `msg_${messageId}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: presentAnthropicUsage(null),
  };
}

/** Why a text ended. */
export const anthropicStopReasonOf = (message: Message) => STOP_REASONS[finishReasonOf(message)];

/** Tokens, in Anthropic's words; zeros for a text that cost nothing. */
export function presentAnthropicUsage(usage: Usage | null): AnthropicMessage['usage'] {
  const { inputTokens = 0, cachedInputTokens = 0, outputTokens = 0 } = usage ?? {};
  return {
    input_tokens: inputTokens - cachedInputTokens,
    cache_read_input_tokens: cachedInputTokens,
    cache_creation_input_tokens: 0,
    output_tokens: outputTokens,
  };
}
