import { z } from 'zod';
import { ADMISSION_ERRORS } from '../errors.ts';
import { amountSchema, idSchema, queryNumber, writtenSchema } from '../fields.ts';
import { FINISH_REASONS, GENERATION_STATUSES, generationErrorSchema, usageSchema } from '../message.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema, settingsSchema } from '../session.ts';
import { ticketField } from '../stream-query.ts';
import { idempotencyKeySchema } from './messages.ts';
import { ONE_SHOT, ONE_SHOT_ERRORS } from './one-shot.ts';

const prompt = writtenSchema();

/** What is asked for a text. */
export const generateBody = z
  .strictObject({ model: modelIdSchema, prompt, ...settingsSchema.shape })
  .meta({ id: 'GenerateRequest' });

/** What is asked for a text, see {@link generateBody}. */
export type GenerateBody = z.output<typeof generateBody>;

const outcome = {
  id: idSchema,
  model: z.string().describe('The whole id of the model that was asked'),
  finishReason: z
    .enum(FINISH_REASONS)
    .nullable()
    .describe('Only a text that ends with `stop`, or `refusal`, is whole'),
  usage: usageSchema.nullable(),
  credits: amountSchema.nullable().describe('What it cost'),
  balance: amountSchema.describe('What you have afterwards, as `balance` of GET /v1/balance'),
};

/** A text, and what it cost. */
export const generatedText = z
  .object({
    ...outcome,
    text: z.string(),
    error: generationErrorSchema.nullable().describe('Why the text broke off, where it did'),
  })
  .meta({ id: 'GeneratedText' });

/** A text, see {@link generatedText}. */
export type GeneratedText = z.infer<typeof generatedText>;

/** What the last event of a stream tells. */
export const generatedEnd = z.object({ ...outcome, status: z.enum(GENERATION_STATUSES) });

/** What the last event of a stream tells, see {@link generatedEnd}. */
export type GeneratedEnd = z.infer<typeof generatedEnd>;

const common = { ...ONE_SHOT, tag: 'Text' } as const;
const errors = [...ONE_SHOT_ERRORS, ...ADMISSION_ERRORS] as const;

export const generateText = defineRoute({
  ...common,
  method: 'post',
  path: '/v1/generate',
  summary: 'A text for a prompt, with what it cost. `Idempotency-Key` makes it safe to repeat',
  headers: ['Idempotency-Key'],
  body: generateBody,
  answer: { status: 200, schema: generatedText.optional() },
  errors: [...errors],
});

const stream = {
  ...common,
  path: '/v1/stream',
  answer: {
    status: 200,
    contentType: 'text/event-stream',
    description: '`start`, then `delta`s, then `done` or `error`; see docs/protocol.md',
  },
} as const;

export const streamTextByBody = defineRoute({
  ...stream,
  method: 'post',
  summary: 'A text for a prompt, as it is written. `Idempotency-Key` makes it safe to repeat',
  headers: ['Idempotency-Key'],
  body: generateBody,
  errors: [...errors],
});

const { temperature, topP, maxTokens, systemPrompt } = settingsSchema.shape;

export const streamTextByQuery = defineRoute({
  ...stream,
  method: 'get',
  answer: { ...stream.answer, ends: true },
  summary: 'The same for an EventSource: one that comes back (`Last-Event-ID`) never starts a second text',
  access: 'ticket',
  headers: ['Last-Event-ID'],
  query: z.strictObject({
    ticket: ticketField,
    model: modelIdSchema,
    prompt,
    systemPrompt,
    temperature: queryNumber(temperature.unwrap()).optional(),
    topP: queryNumber(topP.unwrap()).optional(),
    maxTokens: queryNumber(maxTokens.unwrap()).optional(),
    clientMessageId: idempotencyKeySchema
      .optional()
      .describe('Makes it safe to repeat, like `Idempotency-Key`'),
  }),
  errors: [...errors, 'not_found'],
});
