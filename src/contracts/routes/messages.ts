import { z } from 'zod';
import { ADMISSION_ERRORS } from '../errors.ts';
import { idSchema, pageOf, pageQuery, textSchema, writtenSchema } from '../fields.ts';
import { GENERATION_STATUSES, messageSchema } from '../message.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema } from '../session.ts';

const params = z.strictObject({ id: idSchema });
const common = { tag: 'Messages', access: 'user', permission: 'chat.use', scope: 'chat' } as const;

/** A key chosen by the client: the same key gives the same answer, without a second generation or charge. */
export const idempotencyKeySchema = textSchema({ min: 1, max: 200 });

/** What `POST /messages` and `message:send` take. */
export const sendMessageBody = z.strictObject({
  sessionId: idSchema,
  role: z.enum(['user', 'assistant']).default('user').describe('`assistant` only stores the text'),
  content: writtenSchema(),
  model: modelIdSchema.optional().describe('Who answers, if not the model of the session'),
  models: z
    .array(modelIdSchema)
    .min(1)
    .max(8)
    .optional()
    .describe('Several to answer at once, each with a reply of its own; not together with `model`'),
  clientMessageId: idempotencyKeySchema.optional().describe('Idempotency key, within the session'),
});

/** What `POST /messages` and `message:send` answer with. */
export const sendMessageAnswer = z
  .object({
    message: messageSchema.describe('What was posted'),
    replies: z.array(messageSchema).describe('A placeholder for each reply that is being written'),
  })
  .meta({ id: 'SentMessage' });

/** What sending a message takes, validated. */
export type SendMessageBody = z.output<typeof sendMessageBody>;
/** What sending a message answers with, see {@link sendMessageAnswer}. */
export type SendMessageAnswer = z.infer<typeof sendMessageAnswer>;

export const listMessages = defineRoute({
  ...common,
  method: 'get',
  path: '/messages/:sessionId',
  summary: 'The messages of a session, newest first; fewer than `limit` where they are long',
  params: z.strictObject({ sessionId: idSchema }),
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(messageSchema) },
  errors: ['not_found'],
});

export const sendMessage = defineRoute({
  ...common,
  rateLimit: 'generation',
  method: 'post',
  path: '/messages',
  summary: 'Stores a message; a message of the user is answered. `Idempotency-Key` makes it safe to repeat',
  headers: ['Idempotency-Key'],
  body: sendMessageBody,
  answer: { status: 201, schema: sendMessageAnswer },
  errors: ['not_found', 'model_not_available', 'idempotency_key_reused', ...ADMISSION_ERRORS],
});

export const deleteMessage = defineRoute({
  ...common,
  method: 'delete',
  path: '/messages/:id',
  summary: 'Deletes a message; if it is being written, that is stopped first',
  params,
  answer: { status: 204 },
  errors: ['not_found'],
});

export const stopMessage = defineRoute({
  ...common,
  method: 'post',
  path: '/messages/:id/stop',
  summary: 'Stops a reply that is being written, from whichever process; what there is of it stays',
  params,
  answer: {
    status: 200,
    schema: z.object({
      messageId: idSchema,
      status: z
        .enum(GENERATION_STATUSES)
        .describe('`streaming` while its worker is being told; `message:done` follows'),
    }),
  },
  errors: ['not_found'],
});

export const regenerateMessage = defineRoute({
  ...common,
  rateLimit: 'generation',
  method: 'post',
  path: '/messages/:id/regenerate',
  summary: 'Writes another reply to the message that this reply answers',
  params,
  headers: ['Idempotency-Key'],
  body: z.strictObject({ model: modelIdSchema.optional() }).optional(),
  answer: { status: 201, schema: sendMessageAnswer },
  errors: ['not_found', 'conflict', 'model_not_available', 'idempotency_key_reused', ...ADMISSION_ERRORS],
});
