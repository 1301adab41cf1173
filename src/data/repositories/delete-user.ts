import { type Db, rows } from '../database.ts';
import { long } from '../long-statements.ts';
import { forgetWordsOf } from './audit-log.ts';
import { OPEN } from './open-generations.ts';

/** What was going on in an account when it was deleted. */
export interface OpenGeneration {
  id: string;
  sessionId: string;
  /** Null for a title. */
  messageId: string | null;
  attempt: number;
}

/** What an account leaves to be told of. */
export interface DeletedUser {
  sessionIds: string[];
  /** Sign-ins and API keys. */
  credentialIds: string[];
  /** What waited or was being written. */
  open: OpenGeneration[];
}

/**
 * Keeps everybody else from an account until the transaction ends: first from adding anything to it, then from what it has.
 * Others lock in other orders, so they may wait for this one while it waits for them. It gives way, long before PostgreSQL
 * would end one of the two. Returns false when there is no such account.
 *
 * @throws `55P03` when it gave way: the transaction is to be tried again
 */
export async function lockForDeletion(db: Db, userId: string): Promise<boolean> {
  await rows(db, `SET LOCAL lock_timeout = '${GIVE_WAY_MS}ms'`);
  const found = await rows(db, 'SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [userId]);
  await rows(db, `SELECT 1 FROM generations WHERE user_id = $1 AND ${OPEN} ORDER BY id FOR UPDATE`, [userId]);
  for (const table of ['sessions', 'groups', 'accounts']) {
    await rows(db, `SELECT 1 FROM ${table} WHERE user_id = $1 FOR UPDATE`, [userId]);
  }
  return found.length > 0;
}

/** Less than PostgreSQL's `deadlock_timeout`, which is 1 s. */
const GIVE_WAY_MS = 200;

/**
 * Deletes an account that is locked, with everything that is its own. What stays tells of nobody: the movements of its
 * credits, without what somebody wrote on them, and what it used by day, both under an id that nothing else has.
 */
export async function deleteUserRows(db: Db, userId: string): Promise<DeletedUser> {
  const credentials = await rows<{ id: string }>(
    db,
    `SELECT id FROM refresh_families WHERE user_id = $1 UNION ALL SELECT id FROM api_keys WHERE user_id = $1`,
    [userId],
  );
  const open = await rows<OpenGeneration>(
    db,
    long(
      `WITH gone AS (DELETE FROM generations WHERE user_id = $1 RETURNING *)
       SELECT id, session_id AS "sessionId", message_id AS "messageId", attempt FROM gone
        WHERE ${OPEN}`,
    ),
    [userId],
  );
  // Before its groups, which would first be taken out of each session.
  const sessions = await rows<{ id: string }>(
    db,
    long('DELETE FROM sessions WHERE user_id = $1 RETURNING id'),
    [userId],
  );
  await rows(
    db,
    long(
      'UPDATE ledger_entries SET reason = NULL WHERE user_id = $1 AND created_by IS NOT NULL AND reason IS NOT NULL',
    ),
    [userId],
  );
  await forgetWordsOf(db, userId);
  await rows(db, long('DELETE FROM users WHERE id = $1'), [userId]);
  const credentialIds = credentials.map(({ id }) => id);
  // Last, since processes that were not told look for those of the last minute.
  await rows(db, 'INSERT INTO gone_credentials (id) SELECT unnest($1::uuid[])', [credentialIds]);
  return { sessionIds: sessions.map(({ id }) => id), credentialIds, open };
}
