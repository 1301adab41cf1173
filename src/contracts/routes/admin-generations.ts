import { z } from 'zod';
import { amountSchema, idSchema, pageOf, pageQuery, timeSchema } from '../fields.ts';
import {
  costSchema,
  GENERATION_STATUSES,
  generationErrorSchema,
  trySchema,
  usageSchema,
} from '../message.ts';
import { MODEL_PARAMETERS } from '../model.ts';
import { defineRoute } from '../route.ts';

/** What a generation writes. */
export const GENERATION_KINDS = ['reply', 'title'] as const;

/** A generation, for who runs the server: how it went, never what was said. */
export const generationSchema = z
  .object({
    id: idSchema,
    kind: z.enum(GENERATION_KINDS),
    userId: idSchema,
    sessionId: idSchema,
    messageId: idSchema.nullable().describe('The reply; null for a title'),
    model: z.string().describe('The model that was asked'),
    status: z.enum(GENERATION_STATUSES),
    attempt: z.int().describe('How many workers have claimed it'),
    tries: z.array(trySchema).describe('Every call of a provider, in order'),
    omittedParameters: z.array(z.enum(MODEL_PARAMETERS)),
    error: generationErrorSchema.nullable(),
    usage: usageSchema.nullable(),
    cost: costSchema.nullable(),
    credits: amountSchema.nullable(),
    createdAt: timeSchema,
    completedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Generation' });
/** A generation, see {@link generationSchema}. */
export type Generation = z.infer<typeof generationSchema>;

export const listGenerations = defineRoute({
  tag: 'Admin',
  access: 'user',
  scope: 'admin',
  permission: 'system.view',
  method: 'get',
  path: '/admin/generations',
  summary: 'How generations went, newest first: which providers were called, and what came of it',
  query: z.strictObject({ ...pageQuery, status: z.enum(GENERATION_STATUSES).optional() }),
  answer: { status: 200, schema: pageOf(generationSchema) },
});
/** Which generations are listed. */
export type ListGenerationsQuery = z.output<typeof listGenerations.query>;
