import type { AnthropicBlock, AnthropicMessage } from '../contracts/anthropic-messages.ts';
import type { Message, Usage } from '../contracts/message.ts';
import type { ToldCall } from './foreign-call.ts';
import { finishReasonOf } from './openai-chat.ts';
import { wholeCalls } from './whole-calls.ts';

const STOP_REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  content_filter: 'refusal',
  tool_calls: 'tool_use',
} as const;

/** A call that has ended, as Anthropic's messages answer it. */
export function presentAnthropicMessage(call: ToldCall, message: Message): AnthropicMessage {
  const { content, reasoning } = message;
  const thought: AnthropicBlock[] = reasoning
    ? [{ type: 'thinking', thinking: reasoning, signature: '' }]
    : [];
  const said: AnthropicBlock[] = content === '' ? [] : [{ type: 'text', text: content, citations: null }];
  const called = wholeCalls(message).map(({ id, name, input }) => ({
    type: 'tool_use' as const,
    id,
    name,
    input,
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

/** Why a text ended. One without a call that it asked for is not whole. */
export function anthropicStopReasonOf(message: Message) {
  const reason = STOP_REASONS[finishReasonOf(message)];
  const isShort = wholeCalls(message).length < message.toolCalls.length;
  return reason === 'tool_use' && isShort ? STOP_REASONS.length : reason;
}

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
