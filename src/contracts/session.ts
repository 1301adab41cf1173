import { z } from 'zod';
import { amountSchema, idSchema, lineSchema, textSchema, timeSchema } from './fields.ts';
import { costSchema } from './message.ts';

/** How the models of a session are asked. A key that is left out has the model's own default. */
export const settingsSchema = z
  .strictObject({
    systemPrompt: textSchema({ max: 20_000 }).describe('Stands before the conversation'),
    temperature: z.number().min(0).max(2),
    topP: z.number().gt(0).max(1),
    maxTokens: z.int().min(1).max(1_000_000).describe('Most output tokens of a reply'),
  })
  .partial()
  .meta({ id: 'SessionSettings' });

/**
 * What a session is for: `call` is a one-shot call under `/v1`, which is in no list and is deleted an hour later.
 */
export const SESSION_KINDS = ['chat', 'playground', 'enhancement', 'call'] as const;
/** Those that their owner finds again. Calls are kept for nobody. */
export const KEPT_KINDS = SESSION_KINDS.filter((kind) => kind !== 'call');

/** A model id: `provider/name`, or a bare name where it is unambiguous. */
export const modelIdSchema = lineSchema(200).describe(
  '`provider/name`, or a bare name where it is unambiguous',
);

/** A conversation. */
export const sessionSchema = z
  .object({
    id: idSchema,
    kind: z.enum(SESSION_KINDS),
    title: z.string().nullable().describe('Null until the first message or the owner names it'),
    groupId: idSchema.nullable(),
    model: z.string().describe('The model that answers where a message names none'),
    settings: settingsSchema,
    isFavorite: z.boolean(),
    totals: z
      .object({
        messages: z.int().describe('Messages that are there, replies included'),
        tokens: z.int().describe('Input and output tokens of all replies'),
        cost: costSchema,
        credits: amountSchema,
      })
      .describe('Running totals'),
    lastActivityAt: timeSchema,
    expiresAt: timeSchema.nullable().describe('When it is deleted by itself; null: never'),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Session' });

/** A conversation, see {@link sessionSchema}. */
export type Session = z.infer<typeof sessionSchema>;
/** How a session's models are asked, see {@link settingsSchema}. */
export type SessionSettings = z.infer<typeof settingsSchema>;
/** What a session is for. */
export type SessionKind = (typeof SESSION_KINDS)[number];
