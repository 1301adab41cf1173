import { z } from 'zod';
import {
  CONTEXT_OPTIONS,
  ENHANCE_ACTIONS,
  enhanceContextSchema,
  enhancementSchema,
  TONES,
} from '../enhancement.ts';
import { ADMISSION_ERRORS } from '../errors.ts';
import { idSchema, timeSchema, writtenSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema } from '../session.ts';
import { streamQuery } from '../stream-query.ts';

const common = { tag: 'AI enhancement', access: 'user', scope: 'ai' } as const;
const params = z.strictObject({ sessionId: idSchema });

/** What `POST /ai/enhance` takes. */
export const enhanceBody = z
  .strictObject({
    text: writtenSchema(),
    action: z.enum(ENHANCE_ACTIONS),
    customPrompt: writtenSchema(4_000)
      .optional()
      .describe('What is to be done, for `free_prompt`; for no other action'),
    tone: z
      .enum(TONES)
      .optional()
      .describe('For `change_tone`, and for no other action; left out: professional'),
    context: enhanceContextSchema.optional(),
    includeContext: z
      .array(z.enum(CONTEXT_OPTIONS))
      .max(CONTEXT_OPTIONS.length)
      .optional()
      .describe('What the model is told beside the text; left out: nothing'),
    model: modelIdSchema.optional().describe('Left out: the default model'),
  })
  .superRefine((body, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    const { action, customPrompt, tone, includeContext = [] } = body;
    if (action === 'free_prompt' && customPrompt === undefined) {
      refuse(['customPrompt'], 'is required for the action `free_prompt`');
    }
    if (action !== 'free_prompt' && customPrompt !== undefined) {
      refuse(['customPrompt'], 'is for the action `free_prompt` alone');
    }
    if (action !== 'change_tone' && tone !== undefined) {
      refuse(['tone'], 'is for the action `change_tone` alone');
    }
    const needs = (options: string[]) => includeContext.find((option) => options.includes(option));
    if (includeContext.length > 0 && !body.context) {
      return refuse(['context'], 'is required where `includeContext` is given');
    }
    const record = needs(['opportunity_details', 'related_fields']);
    if (record && body.context?.entityId === undefined) {
      refuse(['context', 'entityId'], `is required for \`${record}\``);
    }
    if (needs(['current_tab']) && !body.context?.metadata) {
      refuse(['context', 'metadata'], 'is required for `current_tab`');
    }
  });
/** What `POST /ai/enhance` takes, validated. */
export type EnhanceBody = z.output<typeof enhanceBody>;

/** What `POST /ai/enhance` answers with. */
export const enhanceAnswer = z
  .object({
    sessionId: idSchema,
    streamUrl: z.string().describe('The path of its event stream on this server'),
    estimatedTokens: z.int().describe('Of the prompt, with the reserve for the answer: what was set aside'),
    rateLimit: z
      .object({
        limit: z.int().nullable().describe('Null: there is none'),
        remaining: z.int().nullable(),
        resetAt: timeSchema.describe('When it begins anew'),
      })
      .describe('Of the limits on how often you may ask, the one that leaves you least'),
  })
  .meta({ id: 'EnhanceAnswer' });
/** See {@link enhanceAnswer}. */
export type EnhanceAnswer = z.infer<typeof enhanceAnswer>;

export const enhance = defineRoute({
  ...common,
  permission: 'ai.enhance.create',
  rateLimit: 'generation',
  method: 'post',
  path: '/ai/enhance',
  summary:
    'Has a text improved, shortened, or whatever the action says. `Idempotency-Key` makes it safe to repeat',
  headers: ['Idempotency-Key'],
  body: enhanceBody,
  answer: { status: 201, schema: enhanceAnswer },
  errors: ['not_found', 'model_not_available', 'idempotency_key_reused', ...ADMISSION_ERRORS],
});

export const streamEnhancement = defineRoute({
  ...common,
  access: 'ticket',
  permission: 'ai.stream.access',
  method: 'get',
  path: '/ai/stream/:sessionId',
  summary: 'What is written of an enhancement, as Server-Sent Events: from its start, whenever it is opened',
  params,
  headers: ['Last-Event-ID'],
  query: z.strictObject({
    ...streamQuery,
  }),
  answer: {
    status: 200,
    contentType: 'text/event-stream',
    ends: true,
    description: '`connected`, `metadata`, `chunk`, `restart`, and `done`, `error` or `cancelled` at the end',
  },
  errors: ['not_found'],
});

export const getEnhancement = defineRoute({
  ...common,
  permission: 'ai.session.view',
  method: 'get',
  path: '/ai/session/:sessionId',
  summary: 'An enhancement as it is now',
  params,
  answer: { status: 200, schema: enhancementSchema },
  errors: ['not_found'],
});

export const cancelEnhancement = defineRoute({
  ...common,
  permission: 'ai.session.manage',
  method: 'delete',
  path: '/ai/session/:sessionId',
  summary: 'Stops an enhancement that is being written; what there is of it can still be read',
  params,
  answer: { status: 204 },
  errors: ['not_found'],
});
