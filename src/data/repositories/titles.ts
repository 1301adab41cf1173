import { type Db, rows } from '../database.ts';
import type { GenerationRecord } from '../entities/generation.ts';

/** A title that is to be written. */
export type NewTitle = Pick<GenerationRecord, 'id' | 'userId' | 'sessionId' | 'model' | 'settings' | 'price'>;

/**
 * Queues the title of a session whose title is still made of its first words. There is one for each session.
 *
 * @returns false when it was queued before, or the title is its owner's, or the session is gone
 */
export async function insertTitle(db: Db, title: NewTitle): Promise<boolean> {
  const { id, userId, sessionId, model, settings, price } = title;
  const queued = await rows(
    db,
    `INSERT INTO generations (id, kind, user_id, session_id, model, settings, price, status)
     SELECT $1, 'title', $2, id, $4, $5, $6, 'queued' FROM sessions WHERE id = $3 AND title_by = 'excerpt'
     ON CONFLICT DO NOTHING RETURNING id`,
    [id, userId, sessionId, model, settings, price],
  );
  return queued.length > 0;
}

/** How a conversation began. */
export interface FirstExchange {
  question: string;
  reply: string;
}

/** The first message of a session and a reply to it; undefined when there is none any more. */
export async function findFirstExchange(db: Db, sessionId: string): Promise<FirstExchange | undefined> {
  const found = await rows<FirstExchange>(
    db,
    `SELECT question.content AS question, reply.content AS reply
       FROM messages question JOIN messages reply ON reply.parent_id = question.id
      WHERE question.session_id = $1 AND reply.session_id = $1 AND question.role = 'user'
        AND reply.role = 'assistant' AND reply.content <> ''
      ORDER BY question.id, reply.id LIMIT 1`,
    [sessionId],
  );
  return found[0];
}

/** Names a session, unless its owner has done so meanwhile; then, or when it is gone, returns false. */
export async function setWrittenTitle(db: Db, sessionId: string, title: string): Promise<boolean> {
  const named = await rows(
    db,
    `UPDATE sessions SET title = $2, title_by = 'model', updated_at = now()
      WHERE id = $1 AND title_by = 'excerpt' RETURNING id`,
    [sessionId, title],
  );
  return named.length > 0;
}
