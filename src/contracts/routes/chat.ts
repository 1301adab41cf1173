import { z } from 'zod';
import { ADMISSION_ERRORS } from '../errors.ts';
import { amountSchema, idSchema } from '../fields.ts';
import { costSchema, type Message, messageSchema, usageSchema } from '../message.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema, settingsSchema } from '../session.ts';
import { deleteMessage, idempotencyKeySchema, sendMessageBody } from './messages.ts';
import { deleteSession, getSession, listSessions, updateSession } from './sessions.ts';

const tag = 'Chat';

/** What `POST /chat` takes. */
export const chatBody = z.strictObject({
  message: sendMessageBody.shape.content,
  sessionId: idSchema.optional().describe('Left out: a new session is opened'),
  modelId: modelIdSchema
    .optional()
    .describe('Who answers; left out: the model of the session, or the default'),
  settings: settingsSchema
    .optional()
    .describe(
      'Those of a new session. With `sessionId` they count for this reply alone, before those of the session',
    ),
  stream: z.boolean().optional().describe('Answers with an event stream'),
  clientMessageId: idempotencyKeySchema.optional().describe('As `Idempotency-Key`, within the session'),
});
/** See {@link chatBody}. */
export type ChatBody = Omit<z.output<typeof chatBody>, 'stream'>;

/** A reply that has ended, with what it answers. */
export const chatAnswer = z
  .object({
    sessionId: idSchema,
    message: messageSchema.nullable().describe('What was said; null: it was deleted meanwhile'),
    reply: messageSchema.describe('Also one that was stopped, or has failed with a part of its text'),
    usage: usageSchema.nullable().describe('Of the reply'),
    cost: costSchema.nullable().describe('Of the reply'),
    credits: amountSchema.nullable().describe('Charged for the reply'),
  })
  .meta({ id: 'ChatAnswer' });
/** See {@link chatAnswer}. */
export type ChatAnswer = z.infer<typeof chatAnswer>;

/** Events of `POST /chat` with `stream: true`, by name. */
export interface ChatStreamEvents {
  /** First: what was stored. `reply` is a placeholder. */
  session: { sessionId: string; message: Message; reply: Message };
  /** More of the text; with `channel`, of the reasoning. `offset`: UTF-16 code units of this attempt before it. */
  delta: {
    messageId: string;
    attempt: number;
    channel?: 'reasoning' | undefined;
    offset: number;
    text: string;
  };
  /** Another attempt begins: what came is void. */
  restart: { messageId: string; attempt: number };
  /** Why it failed; `done` follows. */
  error: { messageId: string; error: NonNullable<Message['error']> };
  /** The last event: what the request answers without `stream`. */
  done: ChatAnswer;
  /** Instead of `done`: the reply was deleted. */
  gone: { messageId: string };
}

export const chatInOneCall = defineRoute({
  tag,
  access: 'user',
  permission: 'chat.use',
  scope: 'chat',
  rateLimit: 'generation',
  method: 'post',
  path: '/chat',
  summary: 'Says something and waits for the reply. `Idempotency-Key` makes it safe to repeat',
  headers: ['Idempotency-Key', 'Last-Event-ID'],
  body: chatBody,
  answer: {
    status: 200,
    schema: chatAnswer,
    description: 'The reply, whole.',
    streams:
      'With `stream: true`: `session`, `delta`, `restart`, `error`, `done`, see docs/protocol.md. `Last-Event-ID` resumes',
    ends: true,
  },
  errors: [
    'not_found',
    'conflict',
    'model_not_available',
    'idempotency_key_reused',
    ...ADMISSION_ERRORS,
    'provider_failed',
  ],
});

/** Those of `/sessions`, for conversations alone: a session of another kind is not there. */
export const listChats = defineRoute({
  ...listSessions,
  tag,
  path: '/chat/sessions',
  summary: 'Your conversations, last used first',
  query: listSessions.query.omit({ kind: true }),
});

export const getChat = defineRoute({
  ...getSession,
  tag,
  path: '/chat/sessions/:id',
  summary: 'A conversation with its newest messages',
});

export const updateChat = defineRoute({ ...updateSession, tag, path: '/chat/sessions/:id' });

export const deleteChat = defineRoute({
  ...deleteSession,
  tag,
  path: '/chat/sessions/:id',
  summary: 'Deletes a conversation with its messages; what runs in it is stopped',
});

export const deleteChatMessage = defineRoute({ ...deleteMessage, tag, path: '/chat/messages/:id' });
