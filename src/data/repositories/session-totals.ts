import { type Db, rows } from '../database.ts';

/** Messages that are about to be stored in a session. */
export interface AddedMessages {
  userId: string;
  sessionId: string;
  added: number;
  /** Becomes the title of a session that has none. */
  title: string | null;
}

/**
 * Counts new messages into a session, and makes it the one last used.
 *
 * @returns false when there is no such session of that user
 */
export async function countMessages(
  db: Db,
  { userId, sessionId, added, title }: AddedMessages,
): Promise<boolean> {
  const counted = await rows(
    db,
    `UPDATE sessions SET message_count = message_count + $3, title = coalesce(title, $4), last_activity_at = now()
      WHERE id = $1 AND user_id = $2 RETURNING id`,
    [sessionId, userId, added, title],
  );
  return counted.length > 0;
}

/** What one generation adds to the totals of its session. */
export interface AddedUsage {
  sessionId: string;
  tokens: number;
  /** US dollars, a decimal string. */
  costUsd: string;
  /** A decimal string. */
  credits: string;
}

/** Adds a settled generation to its session, if that is still there. */
export async function addUsage(db: Db, { sessionId, tokens, costUsd, credits }: AddedUsage): Promise<void> {
  await rows(
    db,
    `UPDATE sessions SET total_tokens = total_tokens + $2, total_cost_usd = total_cost_usd + $3,
       total_credits = total_credits + $4, last_activity_at = now() WHERE id = $1 RETURNING id`,
    [sessionId, tokens, costUsd, credits],
  );
}
