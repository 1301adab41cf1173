import { now } from '../base/clock.ts';
import { notFound } from '../base/errors.ts';
import type { Message } from '../contracts/message.ts';
import type { Database } from '../data/database.ts';
import { listMessagesAfter } from '../data/repositories/messages.ts';
import { findOwnedSession } from '../data/repositories/sessions.ts';
import type { SessionExport } from '../presenters/export-json.ts';
import { presentSession } from '../presenters/session.ts';
import type { LiveMessages } from './live-messages.ts';

/** What exporting needs. */
export interface ExportSessionDeps {
  database: Pick<Database, 'db'>;
  /** Shows a message; a running one with its text so far. */
  present: LiveMessages['present'];
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/**
 * A whole session, its messages read page by page as they are taken: never all at once, and no further when
 * nobody takes them. No connection is kept between pages, however slow the reader.
 *
 * @throws {AppError} `not_found`
 */
export type ExportSession = (userId: string, sessionId: string) => Promise<SessionExport>;

/** Messages that are read at once. */
const PAGE = 200;

/** Older than any message. */
const NIL = '00000000-0000-0000-0000-000000000000';

/** Makes the verb. */
export function createExportSession({ database, present, inrPerUsd }: ExportSessionDeps): ExportSession {
  const { db } = database;

  async function* read(sessionId: string): AsyncGenerator<Message> {
    for (let after: string | undefined = NIL; after !== undefined; ) {
      const page = await listMessagesAfter(db, { sessionId, after, limit: PAGE });
      for (const message of page) yield await present(message);
      after = page.length < PAGE ? undefined : page.at(-1)?.id;
    }
  }

  return async (userId, sessionId) => {
    const session = await findOwnedSession(db, userId, sessionId);
    if (!session) throw notFound('session');
    return {
      session: presentSession(session, inrPerUsd),
      exportedAt: new Date(now()).toISOString(),
      messages: read(sessionId),
    };
  };
}
