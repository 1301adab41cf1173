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
  unixSeconds,
} from './foreign-fields.ts';
import { responseInputItem, responseOutputItem } from './openai-response-items.ts';
import { modelIdSchema } from './session.ts';

const tool = z.strictObject({
  type: z.literal('function', { error: 'must be `function`: built-in and custom tools are not supported' }),
  name: functionName,
  description: promptText.nullish(),
  parameters: jsonSchema.nullish(),
  strict: z.boolean().nullish(),
  output_schema: ignored('models are not told it'),
  defer_loading: ignored('models are told of every tool at once'),
  allowed_callers: ignored('models are the only ones that call'),
});

/** One of the tools; clients may name it or send it whole. */
const allowedTool = z.looseObject({
  type: z.literal('function', { error: 'must be `function`: built-in and custom tools are not supported' }),
  name: functionName,
});

const format = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name: functionName,
      schema: jsonSchema,
      description: promptText.nullish(),
      strict: z.boolean().nullish(),
    }),
  ],
  { error: 'must be `text`, `json_object` or `json_schema`' },
);

/** A request: https://platform.openai.com/docs/api-reference/responses/create */
export const responseBody = z
  .strictObject({
    model: modelIdSchema,
    input: z.union([
      promptText.min(1, 'must not be empty'),
      z.array(responseInputItem).min(1).max(MAX_TURNS),
    ]),
    instructions: promptText.nullish(),
    stream: z.boolean().nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    max_output_tokens: maxTokens.nullish(),
    text: z.strictObject({ format: format.nullish(), verbosity: ignored('say it in the prompt') }).nullish(),
    reasoning: z
      .strictObject({
        effort: reasoningEffort.nullish(),
        summary: ignored('what a model tells of its thoughts is always there'),
        generate_summary: ignored('what a model tells of its thoughts is always there'),
        context: ignored('nothing is kept'),
        mode: ignored('there is one'),
      })
      .nullish(),
    tools: z.array(tool).max(128).nullish(),
    tool_choice: z
      .union([
        z.enum(['none', 'auto', 'required']),
        z.discriminatedUnion(
          'type',
          [
            z.strictObject({ type: z.literal('function'), name: functionName }),
            z.strictObject({
              type: z.literal('allowed_tools'),
              mode: z.enum(['auto', 'required']),
              tools: z.array(allowedTool).min(1).max(128).describe('The model is told of these alone'),
            }),
          ],
          { error: 'must be `function` or `allowed_tools`: built-in and custom tools are not supported' },
        ),
      ])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    previous_response_id: refused('nothing is kept; send the conversation'),
    conversation: refused('nothing is kept; send the conversation'),
    background: z.literal(false, { error: 'must be false: answers are given at once' }).nullish(),
    prompt: refused('there are no stored prompts'),
    context_management: refused('send what is to be told'),
    moderation: refused('nothing is moderated here'),
    top_logprobs: z.literal(0, { error: 'must be 0: probabilities are not known' }).nullish(),
    store: ignored('nothing is kept longer than an hour'),
    include: ignored('there is nothing more'),
    truncation: ignored('a prompt that does not fit is refused'),
    max_tool_calls: ignored('there are no built-in tools'),
    stream_options: ignored('nothing is padded'),
    user: ignored('who asks is known by the key'),
    safety_identifier: ignored('who asks is known by the key'),
    metadata: ignored('nothing is kept'),
    service_tier: ignored('there is one'),
    prompt_cache_key: ignored('providers cache by themselves'),
    prompt_cache_options: ignored('providers cache by themselves'),
    prompt_cache_retention: ignored('providers cache by themselves'),
  })
  .meta({ id: 'ResponseRequest' });

/** A request, see {@link responseBody}. */
export type ResponseBody = z.output<typeof responseBody>;

const usage = z.object({
  input_tokens: z.int(),
  input_tokens_details: z.object({ cached_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

/** An answer: https://platform.openai.com/docs/api-reference/responses/object */
export const responseObject = z
  .object({
    id: z.string().describe('`resp_` and the id of the message'),
    object: z.literal('response'),
    created_at: unixSeconds,
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    incomplete_details: z
      .object({ reason: z.enum(['max_output_tokens', 'content_filter']) })
      .nullable()
      .describe('`max_output_tokens`: the text is not whole, for whatever reason'),
    model: z.string(),
    output: z.array(responseOutputItem),
    usage: usage.nullable(),
    store: z.literal(false),
    previous_response_id: z.null(),
    background: z.literal(false),
    truncation: z.literal('disabled'),
    metadata: z.object({}),
    instructions: z.string().nullable(),
    max_output_tokens: z.int().nullable(),
    temperature: z.number().nullable(),
    top_p: z.number().nullable(),
    parallel_tool_calls: z.boolean(),
    reasoning: z.object({ effort: reasoningEffort.nullable(), summary: z.null() }),
    text: z.object({ format }),
    tool_choice: z.unknown(),
    tools: z.array(z.unknown()),
  })
  .meta({ id: 'Response' });

/** An answer, see {@link responseObject}. */
export type ResponseObject = z.infer<typeof responseObject>;
