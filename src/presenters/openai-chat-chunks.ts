import type { ChatChunk, ChatFinishReason } from '../contracts/openai-chat-answer.ts';
import type { CallTeller, ToldEvent } from './call-teller.ts';
import { secondsOf, type ToldCall } from './foreign-call.ts';
import { completionId, finishReasonOf, presentChatUsage, presentToolCalls } from './openai-chat.ts';
import { openAiErrorBody } from './openai-error.ts';

type Delta = ChatChunk['choices'][0]['delta'];

/** A call in the chunks of chat completions: https://platform.openai.com/docs/api-reference/chat/streaming */
export function chatChunks(
  call: ToldCall,
  { include_usage }: { include_usage?: boolean | null | undefined },
): CallTeller {
  const chunk = (choices: ChatChunk['choices'], usage: ChatChunk['usage'] = null): ToldEvent => ({
    data: {
      id: completionId(call),
      object: 'chat.completion.chunk',
      created: secondsOf(call.createdAt),
      model: call.model,
      choices,
      ...(include_usage && { usage }),
    } satisfies ChatChunk,
  });
  const choice = (delta: Delta, finish_reason: ChatFinishReason | null = null) =>
    chunk([{ index: 0, delta, logprobs: null, finish_reason }]);

  return {
    begin: () => [choice({ role: 'assistant', content: '' })],
    delta: ({ channel, text }) => [choice(channel ? { reasoning_content: text } : { content: text })],
    end(message) {
      const toolCalls = presentToolCalls(message).map((each, index) => ({ index, ...each }));
      return [
        ...(toolCalls.length > 0 ? [choice({ tool_calls: toolCalls })] : []),
        choice({}, finishReasonOf(message)),
        ...(include_usage ? [chunk([], presentChatUsage(message.usage))] : []),
        { data: '[DONE]' },
      ];
    },
    fail: (problem) => [{ event: 'error', data: openAiErrorBody(problem) }],
  };
}
