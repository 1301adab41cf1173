import { z } from 'zod';
import {
  functionName,
  ignored,
  jsonSchema,
  MAX_TURNS,
  maxTokens,
  promptText,
  reasoningEffort,
  refused,
  stopText,
} from './foreign-fields.ts';
import { chatMessage } from './openai-chat-messages.ts';
import { modelIdSchema } from './session.ts';

const penalty = z.number().min(-2).max(2).nullish();

/** A function that the model may ask for. */
const tool = z.strictObject({
  type: z.literal('function', { error: 'must be `function`: custom tools are not supported' }),
  function: z.strictObject({
    name: functionName,
    description: promptText.nullish(),
    parameters: jsonSchema.nullish(),
    strict: z.boolean().nullish(),
  }),
});

/** One of the tools; clients may name it or send it whole. */
const allowedTool = z.looseObject({
  type: z.literal('function', { error: 'must be `function`: custom tools are not supported' }),
  function: z.looseObject({ name: functionName }),
});

const responseFormat = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      json_schema: z.strictObject({
        name: functionName,
        schema: jsonSchema,
        description: promptText.nullish(),
        strict: z.boolean().nullish(),
      }),
    }),
  ],
  { error: 'must be `text`, `json_object` or `json_schema`' },
);

/** A request: https://platform.openai.com/docs/api-reference/chat/create */
export const chatCompletionBody = z
  .strictObject({
    model: modelIdSchema,
    messages: z.array(chatMessage).min(1).max(MAX_TURNS),
    stream: z.boolean().nullish(),
    stream_options: z
      .strictObject({
        include_usage: z.boolean().nullish().describe('A last chunk tells the usage'),
        include_obfuscation: ignored('nothing is padded'),
      })
      .nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    max_completion_tokens: maxTokens.nullish().describe('Comes before `max_tokens`'),
    max_tokens: maxTokens.nullish(),
    stop: z.union([stopText, z.array(stopText).max(4)]).nullish(),
    seed: z.int().nullish(),
    presence_penalty: penalty,
    frequency_penalty: penalty,
    reasoning_effort: reasoningEffort.nullish(),
    response_format: responseFormat.nullish(),
    tools: z.array(tool).max(128).nullish(),
    tool_choice: z
      .union([
        z.enum(['none', 'auto', 'required']),
        z.discriminatedUnion(
          'type',
          [
            z.strictObject({
              type: z.literal('function'),
              function: z.strictObject({ name: functionName }),
            }),
            z.strictObject({
              type: z.literal('allowed_tools'),
              allowed_tools: z.strictObject({
                mode: z.enum(['auto', 'required']),
                tools: z.array(allowedTool).min(1).max(128).describe('The model is told of these alone'),
              }),
            }),
          ],
          { error: 'must be `function` or `allowed_tools`: custom tools are not supported' },
        ),
      ])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    n: z.literal(1, { error: 'must be 1: there is one answer to a request' }).nullish(),
    logprobs: z.literal(false, { error: 'must be false: probabilities are not known' }).nullish(),
    top_logprobs: z.literal(0, { error: 'must be 0: probabilities are not known' }).nullish(),
    modalities: z
      .array(z.literal('text', { error: 'must be `text`: answers are text' }))
      .max(2)
      .nullish(),
    logit_bias: z
      .record(z.string(), z.number())
      .refine((bias) => Object.keys(bias).length === 0, 'must be empty: single tokens cannot be weighed')
      .nullish(),
    audio: refused('answers are text'),
    functions: refused('use `tools`'),
    function_call: refused('use `tool_choice`'),
    web_search_options: refused('models do not search'),
    moderation: refused('nothing is moderated here'),
    user: ignored('who asks is known by the key'),
    safety_identifier: ignored('who asks is known by the key'),
    metadata: ignored('nothing is kept'),
    store: ignored('nothing is kept'),
    service_tier: ignored('there is one'),
    prediction: ignored('nothing gets faster by it'),
    prompt_cache_key: ignored('providers cache by themselves'),
    prompt_cache_options: ignored('providers cache by themselves'),
    prompt_cache_retention: ignored('providers cache by themselves'),
    verbosity: ignored('say it in the prompt'),
  })
  .meta({ id: 'ChatCompletionRequest' });

/** A request, see {@link chatCompletionBody}. */
export type ChatCompletionBody = z.output<typeof chatCompletionBody>;
