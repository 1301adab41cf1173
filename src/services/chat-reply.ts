import { AppError, notFound } from '../base/errors.ts';
import { formatEventId } from '../contracts/event-id.ts';
import type { Have } from '../contracts/events.ts';
import type { Message } from '../contracts/message.ts';
import type { ChatAnswer, ChatStreamEvents } from '../contracts/routes/chat.ts';
import type { Database } from '../data/database.ts';
import { findReplies } from '../data/repositories/lanes.ts';
import { findOwnedMessage } from '../data/repositories/messages.ts';
import { presentMessage } from '../presenters/message.ts';
import { type FollowReplies, type ReplyEvent, waitForReplies } from './follow-replies.ts';
import { fromTheStart, resumeReplies, type SentEvent } from './resume-replies.ts';
import type { StartedChat } from './start-chat.ts';

/** What the reply of a chat in one call is given with. */
export interface ChatReplyDeps {
  database: Pick<Database, 'db'>;
  followReplies: FollowReplies;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** Begins a stream; it ends with `done` or `gone`, or without when `signal` aborts. */
export type OpenChatStream = (signal: AbortSignal) => AsyncIterable<SentEvent>;

/** The reply of a chat in one call, whole or as it is written. Who leaves does not stop it. */
export interface ChatReply {
  /**
   * Waits for it. Undefined when the client left before.
   *
   * @throws {AppError} `provider_failed` when it failed before its first token; `conflict` when it was deleted
   */
  wait(chat: StartedChat, signal: AbortSignal): Promise<ChatAnswer | undefined>;
  /** See `ChatStreamEvents`. */
  stream(chat: StartedChat): OpenChatStream;
  /** From where a client left off; undefined: it has all of it. @throws {AppError} `not_found` */
  resume(userId: string, have: readonly Have[]): Promise<OpenChatStream | undefined>;
}

interface FollowedChat {
  sessionId: string;
  /** What is answered; null when it was deleted. */
  message: Message | null;
  have: readonly Have[];
  signal: AbortSignal;
}

/** Makes it. */
export function createChatReply({ database, followReplies, inrPerUsd }: ChatReplyDeps): ChatReply {
  async function* follow({ message, ...followed }: FollowedChat): AsyncGenerator<SentEvent> {
    for await (const { event, id } of resumeReplies(followReplies, followed)) {
      yield* chatEvents(event, id, message);
    }
  }

  return {
    async wait({ sessionId, message, reply: { id } }, signal) {
      const [reply] = await waitForReplies(followReplies, { sessionId, messageIds: [id], signal });
      if (reply) return answerOf(message, requireText(reply));
      if (signal.aborted) return undefined;
      throw new AppError('conflict', 'The reply was deleted before it could be answered.');
    },

    stream: (chat) =>
      async function* (signal) {
        const { sessionId, message, reply } = chat;
        const data: ChatStreamEvents['session'] = chat;
        const have = fromTheStart([reply.id]);
        yield { event: 'session', id: formatEventId(have), data };
        yield* follow({ sessionId, message, have, signal });
      },

    async resume(userId, [have]) {
      const ids = have ? [have.messageId] : [];
      const [found] = await findReplies(database.db, { userId, kind: 'chat', ids });
      if (!have || !found) throw notFound('message');
      if (have.done) return undefined;
      const reply = await findOwnedMessage(database.db, userId, found.messageId);
      const said = await findOwnedMessage(database.db, userId, reply?.parentId ?? found.messageId);
      const message = said?.role === 'user' ? presentMessage(said, { inrPerUsd }) : null;
      return (signal) => follow({ sessionId: found.sessionId, message, have: [have], signal });
    },
  };
}

function* chatEvents(event: ReplyEvent, id: string, said: Message | null): Generator<SentEvent> {
  if (event.type !== 'end') {
    const { type, ...data } = event;
    yield { event: type, id, data };
    return;
  }
  const { id: messageId, error } = event.message;
  // Without an id: who comes back after it alone is told of the end once more.
  if (error) yield { event: 'error', data: { messageId, error } satisfies ChatStreamEvents['error'] };
  yield { event: 'done', id, data: answerOf(said, event.message) };
}

function answerOf(message: Message | null, reply: Message): ChatAnswer {
  const { sessionId, usage, cost, credits } = reply;
  return { sessionId, message, reply, usage, cost, credits };
}

/** A reply with which something can be done: all but one that failed before its first token. */
function requireText(reply: Message): Message {
  const { status, content, reasoning, error } = reply;
  if (status !== 'failed' || content !== '' || reasoning) return reply;
  throw new AppError('provider_failed', error?.message || 'No model answered.');
}
