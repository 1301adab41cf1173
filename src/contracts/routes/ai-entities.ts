import { z } from 'zod';
import { boundedJson } from '../enhancement.ts';
import { lineSchema, textSchema, timeSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';

/** Bytes of JSON, and levels, of a record's data. */
const [MAX_DATA_BYTES, MAX_DATA_DEPTH] = [65_536, 32];
const MAX_RELATIONS = 100;

const type = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be 1 to 64 of a-z, 0-9 and _, and begin with a letter')
  .describe('What kind of record, as in `opportunity`');
const id = textSchema({ min: 1, max: 200 }).describe("The host's own id");
const params = z.strictObject({ type, id });
const common = {
  tag: 'AI enhancement',
  access: 'user',
  scope: 'ai',
  permission: 'ai.enhance.create',
  path: '/ai/entities/:type/:id',
  params,
} as const;

/** What a record points to. */
export const relationSchema = z
  .strictObject({
    type,
    id,
    label: lineSchema(100).describe('What the other is to it, as in `customer`'),
  })
  .meta({ id: 'AiRelation' });
/** See {@link relationSchema}. */
export type AiRelation = z.output<typeof relationSchema>;

/** What registering a record takes. */
export const entityBody = z.strictObject({
  title: lineSchema(300),
  data: boundedJson({ maxBytes: MAX_DATA_BYTES, maxDepth: MAX_DATA_DEPTH })
    .default({})
    .describe('Its fields; at most 64 kB'),
  relations: z
    .array(relationSchema)
    .max(MAX_RELATIONS)
    .default([])
    .describe('In no circle; what they point to need not be registered'),
});
/** See {@link entityBody}. */
export type AiEntityBody = z.output<typeof entityBody>;

/** A registered record. */
export const entitySchema = z
  .object({
    type: z.string(),
    id: z.string(),
    title: z.string(),
    data: z.record(z.string(), z.json()),
    relations: z.array(relationSchema),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'AiEntity' });
/** See {@link entitySchema}. */
export type AiEntity = z.infer<typeof entitySchema>;

export const putEntity = defineRoute({
  ...common,
  method: 'put',
  summary: 'Registers a record of yours, or replaces it, so that enhancements can be told of it',
  body: entityBody,
  answer: { status: 200, schema: entitySchema },
  errors: ['conflict'],
});

export const getEntity = defineRoute({
  ...common,
  method: 'get',
  summary: 'A registered record',
  answer: { status: 200, schema: entitySchema },
  errors: ['not_found'],
});

export const deleteEntity = defineRoute({
  ...common,
  method: 'delete',
  summary: 'Forgets a record; relations to it stay, and lead nowhere',
  answer: { status: 204 },
  errors: ['not_found'],
});
