import { z } from 'zod';
import { textSchema } from './fields.ts';
import { callId, ignored, MAX_PARTS, promptText, refused } from './foreign-fields.ts';

const cacheHint = ignored('providers cache by themselves');
const foreign = ignored('only Anthropic has a use for it');

/** The name of a function; longer ones than at OpenAI. */
export const anthropicToolName = z
  .string()
  .regex(/^[\w-]{1,128}$/, 'must be 1 to 128 letters, digits, _ or -');

const textBlock = z.strictObject({
  type: z.literal('text'),
  text: promptText,
  cache_control: cacheHint,
  citations: foreign,
});

const imageBlock = z.strictObject({
  type: z.literal('image'),
  source: z.discriminatedUnion(
    'type',
    [
      z.strictObject({
        type: z.literal('base64'),
        media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
        data: z.base64('must be base64').min(1, 'must not be empty'),
      }),
      z.strictObject({
        type: z.literal('url'),
        url: textSchema({ min: 1, max: 20_000 }).refine(
          (url) => /^https:\/\//i.test(url),
          'must be an https: URL',
        ),
      }),
    ],
    { error: 'must be `base64` or `url`: files are not supported' },
  ),
  cache_control: cacheHint,
  transformations: foreign,
});

const shown = z
  .array(
    z.discriminatedUnion('type', [textBlock, imageBlock], {
      error: 'must be `text` or `image`: documents and searches are not supported',
    }),
  )
  .max(MAX_PARTS);

const userBlocks = z
  .array(
    z.discriminatedUnion(
      'type',
      [
        textBlock,
        imageBlock,
        z.strictObject({
          type: z.literal('tool_result'),
          tool_use_id: callId,
          content: z.union([promptText, shown]).nullish(),
          is_error: ignored('models are told the content'),
          cache_control: cacheHint,
          toolset_name: foreign,
        }),
      ],
      { error: 'must be `text`, `image` or `tool_result`: documents and searches are not supported' },
    ),
  )
  .max(MAX_PARTS);

const assistantBlocks = z
  .array(
    z.discriminatedUnion(
      'type',
      [
        textBlock,
        z.strictObject({
          type: z.literal('tool_use'),
          id: callId,
          name: anthropicToolName,
          input: z.unknown(),
          cache_control: cacheHint,
          caller: foreign,
          toolset_name: foreign,
        }),
        z.looseObject({ type: z.enum(['thinking', 'redacted_thinking']) }),
      ],
      { error: 'must be `text`, `tool_use` or `thinking`: server tools are not supported' },
    ),
  )
  .max(MAX_PARTS);

/** What the system says. */
export const systemText = z.union([promptText, z.array(textBlock).max(MAX_PARTS)]);

/** A message of a conversation: https://platform.claude.com/docs/en/api/messages */
export const anthropicInput = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.literal('user'), content: z.union([promptText, userBlocks.min(1)]) }),
    z.strictObject({ role: z.literal('assistant'), content: z.union([promptText, assistantBlocks]) }),
    z.strictObject({ role: z.literal('system'), content: systemText }),
  ],
  { error: 'must be `user`, `assistant` or `system`' },
);

/** Most tools that a model is told of; more than at OpenAI, as agents with many servers of tools have hundreds. */
export const MAX_ANTHROPIC_TOOLS = 1_000;

/** A function that the model may ask for. */
export const anthropicTool = z.strictObject({
  type: z.literal('custom', { error: 'must be `custom`: server tools are not supported' }).nullish(),
  name: anthropicToolName,
  description: promptText.nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
  cache_control: cacheHint,
  allowed_callers: foreign,
  defer_loading: foreign,
  eager_input_streaming: foreign,
  input_examples: foreign,
});

/** What is shown to the model. */
export type ShownBlock = z.output<typeof shown>[number];
/** A block of a message of the user. */
export type UserBlock = z.output<typeof userBlocks>[number];
/** A block of a message of the assistant. */
export type AssistantBlock = z.output<typeof assistantBlocks>[number];
/** What the system says, see {@link systemText}. */
export type SystemText = z.output<typeof systemText>;

/** What is to be left out of the conversation: thoughts are in any case. */
export const contextManagement = z
  .strictObject({
    edits: z
      .array(
        z.looseObject({
          type: z.literal('clear_thinking_20251015', {
            error: 'must be `clear_thinking_20251015`: send what is to be told',
          }),
        }),
      )
      .max(MAX_PARTS)
      .nullish(),
  })
  .nullish()
  .describe('Ignored: thoughts that come back are never told');

/** Fields that are not offered. */
export const ANTHROPIC_REFUSED = {
  container: refused('there are no containers'),
  mcp_servers: refused('there are no server tools'),
  thread: refused('nothing is kept; send the conversation'),
  compaction: refused('send what is to be told'),
  fallbacks: refused('the operator says which model stands in for another'),
  fallback_credit_token: refused('there are no such credits'),
  billing_policy: refused('who pays is known by the key'),
  output_format: refused('use `output_config.format`'),
};
