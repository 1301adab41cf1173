import type { SessionKind } from '../../contracts/session.ts';
import { type Db, rows } from '../database.ts';

/** What the session of a message is for; undefined when there is no such message of that user. */
export async function findKindOfMessage(
  db: Db,
  userId: string,
  messageId: string,
): Promise<SessionKind | undefined> {
  const found = await rows<{ kind: SessionKind }>(
    db,
    `SELECT s.kind FROM messages m JOIN sessions s ON s.id = m.session_id WHERE m.id = $1 AND m.user_id = $2`,
    [messageId, userId],
  );
  return found[0]?.kind;
}
