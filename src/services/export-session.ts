import { now } from '../base/clock.ts';
import { notFound } from '../base/errors.ts';
import { findKeptSession } from '../data/repositories/sessions.ts';
import type { SessionExport } from '../presenters/export-json.ts';
import { presentSession } from '../presenters/session.ts';
import { createReadMessages, type ReadMessagesDeps } from './read-messages.ts';

/** What exporting needs. */
export interface ExportSessionDeps extends ReadMessagesDeps {
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/**
 * A whole session, its messages read as they are taken.
 *
 * @throws {AppError} `not_found`
 */
export type ExportSession = (userId: string, sessionId: string) => Promise<SessionExport>;

/** Makes the verb. */
export function createExportSession(deps: ExportSessionDeps): ExportSession {
  const { database, inrPerUsd } = deps;
  const readMessages = createReadMessages(deps);

  return async (userId, sessionId) => {
    const session = await findKeptSession(database.db, userId, sessionId);
    if (!session) throw notFound('session');
    return {
      session: presentSession(session, inrPerUsd),
      exportedAt: new Date(now()).toISOString(),
      messages: readMessages(sessionId),
    };
  };
}
