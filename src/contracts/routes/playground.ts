import { z } from 'zod';
import { ADMISSION_ERRORS } from '../errors.ts';
import { idSchema, pageOf, pageQuery, writtenSchema } from '../fields.ts';
import { laneModelsSchema, openRunSchema, runSchema, startedRunSchema } from '../playground.ts';
import { defineRoute } from '../route.ts';
import { settingsSchema } from '../session.ts';
import { streamQuery } from '../stream-query.ts';
import { idempotencyKeySchema } from './messages.ts';

const common = { tag: 'Playground', permission: 'chat.use', scope: 'chat' } as const;
const params = z.strictObject({ id: idSchema });
const prompt = writtenSchema();
const sessionId = idSchema.describe(
  'Goes on with that run; its models are asked again, each with its own history',
);
const clientMessageId = idempotencyKeySchema.describe('Makes it safe to repeat: the same gets the same run');
const errors = ['not_found', 'model_not_available', 'idempotency_key_reused', ...ADMISSION_ERRORS] as const;

/** What a run is started with. */
export const startRunBody = z.strictObject({
  prompt,
  models: laneModelsSchema
    .optional()
    .describe('One lane each; the same twice is two lanes. May be left out with `sessionId`'),
  settings: settingsSchema
    .optional()
    .describe(
      'For every lane. With `sessionId` they count for this prompt alone, before those of the session',
    ),
  sessionId: sessionId.optional(),
  clientMessageId: clientMessageId.optional(),
});
/** See {@link startRunBody}. */
export type StartRunBody = z.output<typeof startRunBody>;

export const startRun = defineRoute({
  ...common,
  access: 'user',
  rateLimit: 'generation',
  method: 'post',
  path: '/playground/sessions',
  summary: 'Gives a prompt to up to eight models at once; follow the session over Socket.IO',
  headers: ['Idempotency-Key'],
  body: startRunBody,
  answer: { status: 201, schema: startedRunSchema },
  errors: [...errors],
});

/** The id of the last event of a stream: whoever comes back with it is told that there is nothing more. */
export const END_ID = 'end';

export const streamRun = defineRoute({
  ...common,
  access: 'ticket',
  rateLimit: 'generation',
  method: 'get',
  path: '/playground/stream',
  summary:
    'Gives a prompt to up to eight models and streams what they write; `Last-Event-ID` (or `after`) resumes',
  headers: ['Idempotency-Key', 'Last-Event-ID'],
  query: z.strictObject({
    ...streamQuery,
    prompt: prompt.optional().describe('Needed, unless `after` or `Last-Event-ID` is given'),
    models: z
      .string()
      .transform((text) => text.split(','))
      .pipe(laneModelsSchema)
      .optional()
      .describe('Comma separated; may be left out with `sessionId`'),
    sessionId: sessionId.optional(),
    clientMessageId: clientMessageId
      .optional()
      .describe('Makes it safe to come back before the first event came: the prompt is not posted again'),
  }),
  answer: {
    status: 200,
    contentType: 'text/event-stream',
    ends: true,
    description:
      '`session`, then `delta`, `restart` and `done` of each lane, then `end`: see docs/protocol.md',
  },
  errors: [...errors],
});

export const listRuns = defineRoute({
  ...common,
  access: 'user',
  method: 'get',
  path: '/playground/sessions',
  summary: 'Your runs, last used first',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(runSchema) },
});

export const getRun = defineRoute({
  ...common,
  access: 'user',
  method: 'get',
  path: '/playground/sessions/:id',
  summary: 'A run: what each lane wrote, took and cost',
  params,
  answer: { status: 200, schema: openRunSchema },
  errors: ['not_found'],
});

export const deleteRun = defineRoute({
  ...common,
  access: 'user',
  method: 'delete',
  path: '/playground/sessions/:id',
  summary: 'Deletes a run with its messages; the lanes that run are stopped',
  params,
  answer: { status: 204 },
  errors: ['not_found'],
});
