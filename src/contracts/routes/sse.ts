import { z } from 'zod';
import { ADMISSION_ERRORS } from '../errors.ts';
import { idSchema, writtenSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema } from '../session.ts';
import { streamQuery } from '../stream-query.ts';
import { idempotencyKeySchema } from './messages.ts';

export const streamSession = defineRoute({
  method: 'get',
  path: '/sse/sessions/:id/stream',
  summary: 'The events of a session as Server-Sent Events; `Last-Event-ID` (or `after`) resumes exactly',
  tag: 'Realtime',
  access: 'ticket',
  permission: 'chat.use',
  scope: 'chat',
  rateLimit: 'generation',
  params: z.strictObject({ id: idSchema }),
  headers: ['Last-Event-ID'],
  query: z.strictObject({
    ...streamQuery,
    prompt: writtenSchema().optional().describe('Posted first; never again on a reconnect'),
    model: modelIdSchema.optional().describe('Who answers `prompt`'),
    clientMessageId: idempotencyKeySchema.optional().describe('Makes `prompt` safe to repeat'),
  }),
  answer: {
    status: 200,
    contentType: 'text/event-stream',
    description: 'The events of docs/protocol.md, `id: <messageId>:<attempt>:<offset>`',
  },
  errors: ['not_found', 'conflict', 'model_not_available', 'idempotency_key_reused', ...ADMISSION_ERRORS],
});
