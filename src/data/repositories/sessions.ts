import type { SessionKind } from '../../contracts/session.ts';
import { type Db, rows } from '../database.ts';
import type { SessionRecord } from '../entities/session.ts';
import { long } from '../long-statements.ts';
import { prepared } from '../prepared.ts';
import { alive, kept } from './kept-sessions.ts';
import { OPEN } from './open-generations.ts';
import { type SessionFilter, type SessionPosition, sessionConditions } from './session-filter.ts';
import { TAKEN, TAKEN_MESSAGES } from './taken-tokens.ts';

/** Raw rows in the shape of the record: mapping them once more would cost a list more than reading it. */
const COLUMNS = `id, user_id AS "userId", group_id AS "groupId", kind, title, title_by AS "titleBy", model, settings, metadata,
  is_favorite AS "isFavorite", message_count AS "messageCount", total_tokens::float8 AS "totalTokens",
  total_cost_usd AS "totalCostUsd", total_credits AS "totalCredits", last_activity_at AS "lastActivityAt",
  expires_at AS "expiresAt", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** A page of a user's sessions. */
export interface SessionPage extends SessionFilter {
  userId: string;
  limit: number;
  /** Only sessions that come after this one in the list. */
  after?: SessionPosition | undefined;
}

/** The order of every list of sessions, and of its indexes. */
const ORDER = 'ORDER BY last_activity_at DESC, id DESC';

/** A user's sessions, last used first. */
export async function listSessions(db: Db, { limit, ...filter }: SessionPage): Promise<SessionRecord[]> {
  const { found, filters, params } = sessionConditions(filter);
  const ordered = `sessions WHERE ${found.join(' AND ')} ${ORDER}`;
  // The OFFSET keeps the two apart: for a filter that lets little through, the planner would rather read the whole
  // table, everybody's sessions, and sort. See docs/query-plans.md.
  const filtered = `(SELECT * FROM ${ordered} OFFSET 0) AS found WHERE ${filters.join(' AND ')} ${ORDER}`;
  const sql = `SELECT ${COLUMNS} FROM ${filters.length === 0 ? ordered : filtered} LIMIT $${params.length + 1}`;
  // What a client opens with: few texts, each read along one index whatever it is asked for.
  const plain = filters.length === 0 && filter.group === undefined;
  return rows<SessionRecord>(db, plain ? prepared(sql) : sql, [...params, limit]);
}

/**
 * A session of one owner, of whatever kind: also that of a one-shot call. Undefined when there is none, it has expired,
 * or it is somebody else's.
 */
export async function findOwnedSession(
  db: Db,
  userId: string,
  id: string,
): Promise<SessionRecord | undefined> {
  const sql = prepared(
    `SELECT ${COLUMNS} FROM sessions WHERE id = $1 AND user_id = $2 AND ${alive('sessions')}`,
  );
  return (await rows<SessionRecord>(db, sql, [id, userId]))[0];
}

/** As {@link findOwnedSession} for all that an owner comes back to: a one-shot call is not there. */
export async function findKeptSession(
  db: Db,
  userId: string,
  id: string,
): Promise<SessionRecord | undefined> {
  const sql = `SELECT ${COLUMNS} FROM sessions WHERE id = $1 AND user_id = $2 AND ${kept('sessions')}`;
  return (await rows<SessionRecord>(db, prepared(sql), [id, userId]))[0];
}

/** A session, whoever owns it and whatever it is for: for those who were let into its room. */
export async function findSession(db: Db, id: string): Promise<SessionRecord | undefined> {
  return (await rows<SessionRecord>(db, `SELECT ${COLUMNS} FROM sessions WHERE id = $1`, [id]))[0];
}

/** Sessions that an owner has opened since then and that are in lists, oldest first; of more than `limit` those last used. */
export async function listSessionsSince(
  db: Db,
  { userId, since, limit }: { userId: string; since: Date; limit: number },
): Promise<SessionRecord[]> {
  // Used since then, too, which is what there is an index for.
  const sql = `SELECT * FROM (SELECT ${COLUMNS} FROM sessions
     WHERE user_id = $1 AND kind IN ('chat', 'playground') AND last_activity_at >= $2 AND created_at >= $2
     ORDER BY last_activity_at DESC LIMIT $3) AS found ORDER BY id`;
  return rows<SessionRecord>(db, sql, [userId, since, limit]);
}

/** These sessions of one owner, in the order of their ids; those that are not there, or have expired, are left out. */
export function findOwnedSessions(db: Db, userId: string, ids: string[]): Promise<SessionRecord[]> {
  const sql = `SELECT ${COLUMNS} FROM sessions WHERE id = ANY($1) AND user_id = $2 AND ${alive('sessions')} ORDER BY id`;
  return rows<SessionRecord>(db, sql, [ids, userId]);
}

/** A session, as far as a new message needs it. */
export type SessionToPostIn = SessionRecord & {
  /** Null while it has none. */
  newestMessageId: string | null;
  /** Tokens that its newest reply took of which that is known, prompt and text: about what the conversation has. */
  historyTokens: number;
};

const TO_POST_IN = prepared(`SELECT ${COLUMNS}, newest AS "newestMessageId", coalesce(
    (SELECT ${TAKEN} FROM (SELECT id FROM messages WHERE session_id = $1 ORDER BY id DESC LIMIT ${TAKEN_MESSAGES}) AS m
       JOIN generations g ON g.message_id = m.id
      WHERE ${TAKEN} IS NOT NULL ORDER BY m.id DESC LIMIT 1), 0) AS "historyTokens"
  FROM sessions LEFT JOIN LATERAL (
    SELECT m.id AS newest FROM messages m WHERE m.session_id = sessions.id ORDER BY m.id DESC LIMIT 1) AS last ON true
  WHERE id = $1 AND user_id = $2 AND ${kept('sessions')}`);

/** As {@link findKeptSession}, with how its conversation stands. */
export async function findSessionToPostIn(
  db: Db,
  userId: string,
  id: string,
): Promise<SessionToPostIn | undefined> {
  return (await rows<SessionToPostIn>(db, TO_POST_IN, [id, userId]))[0];
}

/** What opening a session needs; everything else begins at its default. */
export type NewSession = Pick<SessionRecord, 'id' | 'userId' | 'groupId' | 'title' | 'model' | 'settings'> & {
  kind: SessionKind;
};

/** Stores a session. */
export async function insertSession(db: Db, session: NewSession): Promise<SessionRecord> {
  const { id, userId, groupId, kind, title, model, settings } = session;
  const [stored] = await rows<SessionRecord>(
    db,
    `INSERT INTO sessions (id, user_id, group_id, kind, title, model, settings)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`,
    [id, userId, groupId, kind, title, model, settings],
  );
  return stored as SessionRecord;
}

/** What an owner may change; what is undefined stays. */
export interface SessionChanges {
  title?: string | undefined;
  isFavorite?: boolean | undefined;
  model?: string | undefined;
  settings?: SessionRecord['settings'] | undefined;
  /** Null takes it out of its group. */
  groupId?: string | null | undefined;
}

/** Changes a session. Undefined when there is none that is kept, or it is somebody else's. */
export async function updateSession(
  db: Db,
  { id, userId, changes }: { id: string; userId: string; changes: SessionChanges },
): Promise<SessionRecord | undefined> {
  const { title, isFavorite, model, settings, groupId } = changes;
  const [updated] = await rows<SessionRecord>(
    db,
    `UPDATE sessions SET title = COALESCE($3, title), is_favorite = COALESCE($4, is_favorite),
        title_by = CASE WHEN $3::text IS NULL THEN title_by ELSE 'owner' END,
        model = COALESCE($5, model), settings = COALESCE($6, settings),
        group_id = CASE WHEN $7 THEN $8 ELSE group_id END, updated_at = now()
      WHERE id = $1 AND user_id = $2 AND ${kept('sessions')} RETURNING ${COLUMNS}`,
    [id, userId, title, isFavorite, model, settings, groupId !== undefined, groupId],
  );
  return updated;
}

/** Deletes a session with its messages. Returns false when it was not there, or is somebody else's. */
export async function deleteSessionRow(db: Db, userId: string, id: string): Promise<boolean> {
  const sql = long('DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING id');
  return (await rows(db, sql, [id, userId])).length > 0;
}

/**
 * Deletes sessions that have expired, with their messages; what is still being written in one keeps it.
 *
 * @returns how many went
 */
export async function deleteExpiredSessions(db: Db, limit: number): Promise<number> {
  const gone = await rows(
    db,
    long(`DELETE FROM sessions WHERE id IN (
       SELECT id FROM sessions WHERE expires_at < now() AND NOT EXISTS (
         SELECT FROM generations g WHERE g.session_id = sessions.id AND g.${OPEN})
       ORDER BY expires_at LIMIT $1) RETURNING id`),
    [limit],
  );
  return gone.length;
}
