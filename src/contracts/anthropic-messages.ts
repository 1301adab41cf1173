import { z } from 'zod';
import {
  ANTHROPIC_REFUSED,
  anthropicInput,
  anthropicTool,
  anthropicToolName,
  contextManagement,
  MAX_ANTHROPIC_TOOLS,
  systemText,
} from './anthropic-blocks.ts';
import { ignored, jsonSchema, MAX_TURNS, maxTokens, stopText } from './foreign-fields.ts';
import { modelIdSchema } from './session.ts';

const disable_parallel_tool_use = z.boolean().nullish();
const foreign = ignored('only Anthropic has a use for it');

/** What a model is told; also what is counted. */
const asked = {
  model: modelIdSchema,
  messages: z.array(anthropicInput).min(1).max(MAX_TURNS),
  system: systemText.nullish(),
  tools: z.array(anthropicTool).max(MAX_ANTHROPIC_TOOLS).nullish(),
  tool_choice: z
    .discriminatedUnion(
      'type',
      [
        z.strictObject({ type: z.literal('auto'), disable_parallel_tool_use }),
        z.strictObject({ type: z.literal('any'), disable_parallel_tool_use }),
        z.strictObject({ type: z.literal('none') }),
        z.strictObject({ type: z.literal('tool'), name: anthropicToolName, disable_parallel_tool_use }),
      ],
      { error: 'must be `auto`, `any`, `none` or `tool`' },
    )
    .nullish(),
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
      format: z.strictObject({ type: z.literal('json_schema'), schema: jsonSchema }).nullish(),
    })
    .nullish(),
  thinking: ignored('`output_config.effort` says how long a model thinks'),
  cache_control: ignored('providers cache by themselves'),
  context_management: contextManagement,
  ...ANTHROPIC_REFUSED,
};

/** A request: https://platform.claude.com/docs/en/api/messages */
export const anthropicBody = z
  .strictObject({
    ...asked,
    max_tokens: maxTokens,
    stream: z.boolean().nullish(),
    stop_sequences: z.array(stopText).max(16).nullish(),
    temperature: z.number().min(0).max(1).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    top_k: z.int().min(1).max(1_000_000).nullish(),
    metadata: ignored('who asks is known by the key'),
    service_tier: ignored('there is one'),
    diagnostics: foreign,
    inference_geo: foreign,
    speed: foreign,
    user_profile_id: foreign,
    workspace_id: foreign,
  })
  .meta({ id: 'AnthropicRequest' });

/** What is to be counted: https://platform.claude.com/docs/en/api/messages-count-tokens */
export const anthropicCountBody = z
  .strictObject({ ...asked, speed: foreign, user_profile_id: foreign, workspace_id: foreign })
  .meta({ id: 'AnthropicCountRequest' });

/** A request, see {@link anthropicBody}. */
export type AnthropicBody = z.output<typeof anthropicBody>;
/** What is to be counted, see {@link anthropicCountBody}. */
export type AnthropicCountBody = z.output<typeof anthropicCountBody>;

/** Tokens: https://platform.claude.com/docs/en/api/messages */
export const anthropicUsage = z.object({
  input_tokens: z.int().describe('Without those that were in the cache'),
  cache_read_input_tokens: z.int(),
  cache_creation_input_tokens: z.literal(0),
  output_tokens: z.int(),
});

/** Why a text ended, in Anthropic's words. */
export const anthropicStopReason = z
  .enum(['end_turn', 'max_tokens', 'tool_use', 'refusal'])
  .describe('`max_tokens`: the text is not whole, for whatever reason');

/** A piece of an answer. */
export const anthropicBlock = z.discriminatedUnion('type', [
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.literal('') }),
  z.object({ type: z.literal('text'), text: z.string(), citations: z.null() }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.unknown() }),
]);

/** An answer: https://platform.claude.com/docs/en/api/messages */
export const anthropicMessage = z
  .object({
    id: z.string().describe('`msg_` and the id of the message'),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(anthropicBlock),
    stop_reason: anthropicStopReason.nullable(),
    stop_sequence: z.null(),
    usage: anthropicUsage,
  })
  .meta({ id: 'AnthropicMessage' });

/** An answer, see {@link anthropicMessage}. */
export type AnthropicMessage = z.infer<typeof anthropicMessage>;
/** A piece of an answer. */
export type AnthropicBlock = z.infer<typeof anthropicBlock>;
