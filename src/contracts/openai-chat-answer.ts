import { z } from 'zod';
import { unixSeconds } from './foreign-fields.ts';

/** Tokens: https://platform.openai.com/docs/api-reference/chat/object */
export const chatUsage = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
    completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
  })
  .meta({ id: 'ChatCompletionUsage' });

/** Why a text ended, in OpenAI's words. */
export const chatFinishReason = z
  .enum(['stop', 'length', 'content_filter', 'tool_calls'])
  .describe('`length`: the text is not whole, for whatever reason');

const calledTool = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string().describe('JSON, as the model wrote it') }),
});

/** An answer: https://platform.openai.com/docs/api-reference/chat/object */
export const chatCompletion = z
  .object({
    id: z.string().describe('`chatcmpl-` and the id of the message'),
    object: z.literal('chat.completion'),
    created: unixSeconds,
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable().describe('Null where the model only asks for calls, or declines'),
          refusal: z
            .string()
            .nullable()
            .describe('The words of a model that declines, where its provider tells'),
          reasoning_content: z.string().optional().describe('What the model thought, where it tells'),
          tool_calls: z.array(calledTool).optional(),
        }),
        logprobs: z.null(),
        finish_reason: chatFinishReason,
      }),
    ),
    usage: chatUsage,
  })
  .meta({ id: 'ChatCompletion' });

/** An answer, see {@link chatCompletion}. */
export type ChatCompletion = z.input<typeof chatCompletion>;
/** Tokens, see {@link chatUsage}. */
export type ChatUsage = z.infer<typeof chatUsage>;
/** Why a text ended, see {@link chatFinishReason}. */
export type ChatFinishReason = z.infer<typeof chatFinishReason>;

/** What a streamed answer comes in; `data: [DONE]` is the last. */
export interface ChatChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: {
    index: 0;
    delta: {
      role?: 'assistant';
      content?: string | null;
      reasoning_content?: string;
      tool_calls?: (z.infer<typeof calledTool> & { index: number })[];
    };
    logprobs: null;
    finish_reason: ChatFinishReason | null;
  }[];
  /** Only where it was asked for: null until the last chunk. */
  usage?: ChatUsage | null;
}
