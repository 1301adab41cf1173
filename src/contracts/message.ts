import { z } from 'zod';
import { GENERATION_ERROR_CODES } from './errors.ts';
import { amountSchema, idSchema, timeSchema } from './fields.ts';
import { MODEL_PARAMETERS } from './model.ts';
import { toolCallSchema } from './prompt.ts';

/** Who wrote a message. */
export const ROLES = ['user', 'assistant', 'system'] as const;

/** The states of a generation, and so of an assistant message. The last three are terminal and never change. */
export const GENERATION_STATUSES = ['queued', 'streaming', 'completed', 'failed', 'cancelled'] as const;

/** Why the text ended. */
export const FINISH_REASONS = [
  'stop',
  'length',
  'content_filter',
  'tool_calls',
  'refusal',
  'cancelled',
  'credit_limit',
  'error',
] as const;

/** A state of a generation. */
export type GenerationStatus = (typeof GENERATION_STATUSES)[number];
/** One that is terminal. */
export type EndStatus = Exclude<GenerationStatus, 'queued' | 'streaming'>;
/** Why a text ended. */
export type FinishReasonCode = (typeof FINISH_REASONS)[number];

/** Whether a generation in this state has ended for good. */
export const isTerminal = (status: GenerationStatus): boolean =>
  status !== 'queued' && status !== 'streaming';

/** Tokens of one generation. */
export const usageSchema = z
  .object({
    inputTokens: z.int().describe('Tokens of the prompt, cached ones included'),
    cachedInputTokens: z.int().describe('Of these, the ones that the provider had in its cache'),
    outputTokens: z.int().describe('Tokens written, reasoning included'),
    reasoningTokens: z.int().describe('Of these, the ones that were spent on reasoning'),
    totalTokens: z.int().describe('Input and output'),
    estimated: z
      .boolean()
      .describe('Counted here, all or in part: the provider did not count it, or its count cannot be true'),
  })
  .meta({ id: 'Usage' });

/** Money in both currencies that are shown. */
export const costSchema = z
  .object({ usd: amountSchema.describe('US dollars'), inr: amountSchema.describe('Indian rupees') })
  .meta({ id: 'Cost' });

/** Why a generation failed. */
export const generationErrorSchema = z
  .object({
    code: z.enum(GENERATION_ERROR_CODES).describe('Stable'),
    message: z.string().describe('For people'),
  })
  .meta({ id: 'GenerationError' });

/** One call of a provider for a reply: which, how it went, how long it took. */
export const trySchema = z
  .object({
    provider: z.string(),
    model: z.string().describe('`provider/name`'),
    error: z
      .enum(GENERATION_ERROR_CODES)
      .nullable()
      .describe('Why it failed; null for the one that answered'),
    startedAt: timeSchema,
    ms: z.int().describe('From the request to its end, in milliseconds'),
  })
  .meta({ id: 'Try' });

/** A message of a session, as every route and event shows it. */
export const messageSchema = z
  .object({
    id: idSchema,
    sessionId: idSchema,
    parentId: idSchema.nullable().describe('The message that this one answers (assistant) or follows (user)'),
    role: z.enum(ROLES),
    content: z.string().describe('The text; of a running reply what there is so far'),
    reasoning: z
      .string()
      .nullable()
      .describe('What the model thought before it answered, where it tells; never part of `content`'),
    model: z.string().nullable().describe('The model that was asked; null for what people wrote'),
    tries: z
      .array(trySchema)
      .describe('Every call of a provider for it, in order; several when one failed before its first word'),
    omittedParameters: z
      .array(z.enum(MODEL_PARAMETERS))
      .describe('Settings that were left out, because the model that answered does not take them'),
    lane: z
      .int()
      .nullable()
      .describe('Which lane of a playground run it is, counting from 0; null elsewhere'),
    toolCalls: z
      .array(toolCallSchema)
      .describe('What the model asks its client to call; complete with its end, empty before'),
    status: z.enum(GENERATION_STATUSES).describe('`completed` for what people wrote'),
    attempt: z.int().describe('Which try this text is from, counting from 1; 0 while queued'),
    finishReason: z
      .enum(FINISH_REASONS)
      .nullable()
      .describe(
        '`credit_limit`: the credits of its user were used up while it was written; `refusal`: the text says why the model declines',
      ),
    usage: usageSchema.nullable(),
    cost: costSchema.nullable(),
    credits: amountSchema.nullable().describe('Credits charged'),
    error: generationErrorSchema.nullable(),
    attachments: z.array(z.never()).describe('Reserved'),
    createdAt: timeSchema,
    completedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Message' });

/** A message, see {@link messageSchema}. */
export type Message = z.infer<typeof messageSchema>;
/** One call of a provider, see {@link trySchema}. */
export type Try = z.infer<typeof trySchema>;
/** Tokens, see {@link usageSchema}. */
export type Usage = z.infer<typeof usageSchema>;
/** Money, see {@link costSchema}. */
export type Cost = z.infer<typeof costSchema>;
/** A failed generation's reason, see {@link generationErrorSchema}. */
export type GenerationError = z.infer<typeof generationErrorSchema>;
