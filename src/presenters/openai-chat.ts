import type { Message, Usage } from '../contracts/message.ts';
import type { ChatCompletion, ChatFinishReason, ChatUsage } from '../contracts/openai-chat-answer.ts';
import { secondsOf, type ToldCall } from './foreign-call.ts';

/** A call that has ended, as chat completions answer it. */
export function presentChatCompletion(call: ToldCall, message: Message): ChatCompletion {
  const { content, reasoning } = message;
  const toolCalls = presentToolCalls(message);
  const refusal = refusalOf(message);
  return {
    id: completionId(call),
    object: 'chat.completion',
    created: secondsOf(call.createdAt),
    model: call.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: refusal !== null || (content === '' && toolCalls.length > 0) ? null : content,
          refusal,
          ...(reasoning && { reasoning_content: reasoning }),
          ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
        },
        logprobs: null,
        finish_reason: finishReasonOf(message),
      },
    ],
    usage: presentChatUsage(message.usage),
  };
}

/** The id of an answer: it names the message, by which it can be stopped. */
export const completionId = ({ messageId }: ToldCall): string => `chatcmpl-${messageId}`;

/** What a message asks of tools, in OpenAI's words. */
export function presentToolCalls({ toolCalls }: Message) {
  return toolCalls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: text },
  }));
}

/** The words in which the model declined; null for an answer. A client that wants JSON would take them for it. */
export const refusalOf = ({ finishReason, content }: Message): string | null =>
  finishReason === 'refusal' ? content : null;

/**
 * Why a text ended. `length` is all that clients know of a text that is not whole: it also stands for used-up credits,
 * a stop, and a provider that broke off after the first word.
 */
export function finishReasonOf({ finishReason, toolCalls }: Message): ChatFinishReason {
  if (finishReason === 'refusal') return 'stop';
  if (finishReason === 'stop') return toolCalls.length > 0 ? 'tool_calls' : 'stop';
  if (finishReason === 'tool_calls' || finishReason === 'content_filter') return finishReason;
  return 'length';
}

/** Tokens, in OpenAI's words; zeros for a text that cost nothing. */
export function presentChatUsage(usage: Usage | null): ChatUsage {
  return {
    prompt_tokens: usage?.inputTokens ?? 0,
    completion_tokens: usage?.outputTokens ?? 0,
    total_tokens: usage?.totalTokens ?? 0,
    prompt_tokens_details: { cached_tokens: usage?.cachedInputTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage?.reasoningTokens ?? 0 },
  };
}
