import type { Database } from '../data/database.ts';
import type { SessionRecord } from '../data/entities/session.ts';
import { findKeptSession } from '../data/repositories/sessions.ts';
import { presentSession } from '../presenters/session.ts';
import type { Announcer } from './announce.ts';

/** What {@link announceSession} works with. */
export interface AnnounceSessionDeps {
  database: Pick<Database, 'db'>;
  announce: Pick<Announcer, 'toSession'>;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** Tells the room of a session what that is now. Does nothing when it is gone. */
export async function announceSession(
  { database, announce, inrPerUsd }: AnnounceSessionDeps,
  { id, userId }: Pick<SessionRecord, 'id' | 'userId'>,
): Promise<void> {
  const session = await findKeptSession(database.db, userId, id);
  if (session) await announce.toSession(id, 'session:update', presentSession(session, inrPerUsd));
}
