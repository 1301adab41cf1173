import { notFound } from '../base/errors.ts';
import type { Page, PageQuery } from '../base/page.ts';
import { parseInput } from '../base/validation.ts';
import { idSchema } from '../contracts/fields.ts';
import { type GenerationStatus, isTerminal, type Message } from '../contracts/message.ts';
import type { Session } from '../contracts/session.ts';
import type { Database } from '../data/database.ts';
import { listMessages, listOwnedMessages } from '../data/repositories/message-pages.ts';
import { deleteMessageRow, findKeptMessage } from '../data/repositories/messages.ts';
import { findKeptSession } from '../data/repositories/sessions.ts';
import { presentSession } from '../presenters/session.ts';
import type { Announcer } from './announce.ts';
import type { LiveMessages } from './live-messages.ts';

/** What stored messages are read and deleted with. */
export interface MessagesDeps {
  database: Pick<Database, 'db' | 'transaction'>;
  /** Shows a message; a running one with its text so far. */
  present: LiveMessages['present'];
  announce: Announcer;
  /** Ends the generation of a message that is being written. */
  stopMessage(userId: string, messageId: string): Promise<GenerationStatus>;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/**
 * What an owner does with stored messages. What is somebody else's is `not_found`, like what is not there; so is what
 * belongs to a one-shot call.
 */
export interface Messages {
  /** Newest first; a message's id is a cursor. @throws {AppError} `not_found`, `validation_failed` */
  list(userId: string, sessionId: string, query: PageQuery): Promise<Page<Message>>;
  /** A session with its newest messages, oldest first. @throws {AppError} `not_found` */
  openSession(userId: string, sessionId: string): Promise<Session & { messages: Message[] }>;
  /** Stops a message that is being written, and deletes it. @throws {AppError} `not_found` */
  remove(userId: string, id: string): Promise<void>;
}

/** How many messages a session is opened with, at most. */
const OPENING_MESSAGES = 50;

/** Stored messages, on a database. */
export function createMessages(deps: MessagesDeps): Messages {
  const { database, present, announce, stopMessage, inrPerUsd } = deps;
  const { db } = database;
  return {
    async list(userId, sessionId, { limit, cursor }) {
      // No need for anything opaque: the oldest message that a client has is where its next page begins.
      const before = cursor === undefined ? undefined : parseInput(idSchema, cursor, 'query.cursor');
      const { messages, more } = await listOwnedMessages(db, { userId, sessionId, limit, before });
      // Only an empty page leaves open whether there is such a session: the usual case stays one statement.
      if (messages.length === 0 && !(await findKeptSession(db, userId, sessionId))) throw notFound('session');
      const nextCursor = more ? (messages.at(-1)?.id ?? null) : null;
      return { data: await Promise.all(messages.map(present)), nextCursor };
    },
    async openSession(userId, sessionId) {
      const session = await findKeptSession(db, userId, sessionId);
      if (!session) throw notFound('session');
      const newest = await listMessages(db, { sessionId, limit: OPENING_MESSAGES });
      const messages = await Promise.all(newest.messages.reverse().map(present));
      return { ...presentSession(session, inrPerUsd), messages };
    },
    async remove(userId, id) {
      const message = await findKeptMessage(db, userId, id);
      if (!message) throw notFound('message');
      if (message.generation && !isTerminal(message.generation.status)) await stopMessage(userId, id);
      // In a transaction for its retry: the deletion of the session locks the two the other way.
      const deleted = await database.transaction((inside) => deleteMessageRow(inside, id));
      if (!deleted) throw notFound('message');
      const { sessionId } = message;
      await announce.toSession(sessionId, 'message:delete', { sessionId, messageId: id });
    },
  };
}
