import { z } from 'zod';
import { unixSeconds } from '../foreign-fields.ts';
import { defineRoute } from '../route.ts';
import { modelParams } from './models.ts';

/** A model in OpenAI's words: https://platform.openai.com/docs/api-reference/models/object */
export const openAiModel = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: unixSeconds.describe('When this server got to know it; seconds since 1970'),
    owned_by: z.string().describe('The provider that serves it'),
  })
  .meta({ id: 'OpenAiModel' });

/** A model in Anthropic's words: https://platform.claude.com/docs/en/api/models */
export const anthropicModel = z
  .object({ type: z.literal('model'), id: z.string(), display_name: z.string(), created_at: z.string() })
  .meta({ id: 'AnthropicModel' });

/** A model, see {@link openAiModel}. */
export type OpenAiModel = z.infer<typeof openAiModel>;
/** A model, see {@link anthropicModel}. */
export type AnthropicModel = z.infer<typeof anthropicModel>;

const common = {
  tag: 'OpenAI-compatible',
  access: 'user',
  permission: 'chat.use',
  scope: 'text',
  errorShape: 'openai',
} as const;
const description = "In Anthropic's shape for a request with the header `anthropic-version`";

/** Without a query: clients send what they like in it (`limit`, `beta`, `client_version`), and all models are one page. */
export const listCallableModels = defineRoute({
  ...common,
  method: 'get',
  path: '/v1/models',
  summary: 'The models that you can ask here: switched on, served, and within your reach',
  answer: {
    status: 200,
    schema: z.union([
      z.object({ object: z.literal('list'), data: z.array(openAiModel) }),
      z.object({
        data: z.array(anthropicModel),
        has_more: z.literal(false),
        first_id: z.string().nullable(),
        last_id: z.string().nullable(),
      }),
    ]),
    description,
  },
});

export const getCallableModel = defineRoute({
  ...common,
  method: 'get',
  path: '/v1/models/*modelId',
  summary: 'A model that you can ask here',
  params: modelParams,
  answer: { status: 200, schema: z.union([openAiModel, anthropicModel]), description },
  errors: ['model_not_available'],
});
