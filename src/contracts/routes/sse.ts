import { z } from 'zod';
import { ADMISSION_ERRORS } from '../errors.ts';
import { idSchema, textSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema } from '../session.ts';
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
    ticket: textSchema({ min: 1, max: 200 }).optional().describe('From `POST /auth/stream-ticket`'),
    after: textSchema({ min: 1, max: 10_000 }).optional().describe('The `id` of the last event that came'),
    prompt: textSchema({ min: 1, max: 10_000_000 })
      .refine((text) => text.trim() !== '', 'must not be blank')
      .optional()
      .describe('Posted first; never again on a reconnect'),
    model: modelIdSchema.optional().describe('Who answers `prompt`'),
    clientMessageId: idempotencyKeySchema.optional().describe('Makes `prompt` safe to repeat'),
  }),
  answer: {
    status: 200,
    contentType: 'text/event-stream',
    description: 'The events of docs/protocol.md, `id: <messageId>:<attempt>:<offset>`',
  },
  errors: ['not_found', 'model_not_available', 'idempotency_key_reused', ...ADMISSION_ERRORS],
});
