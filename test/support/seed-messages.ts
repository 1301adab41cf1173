import { newId } from '../../src/base/ids.ts';
import { type Db, rows } from '../../src/data/database.ts';

/** Messages to be stored, all in one statement. */
export interface SeedMessages {
  userId: string;
  sessionId: string;
  count: number;
  /** `Message <id>` unless told otherwise. */
  content?: string;
}

/** Stores messages of a user; returns their ids, oldest first. */
export async function seedMessages(db: Db, seed: SeedMessages): Promise<string[]> {
  const ids = Array.from({ length: seed.count }, newId);
  await rows(
    db,
    `INSERT INTO messages (id, session_id, user_id, role, content)
     SELECT id, $2, $3, 'user', coalesce($4, 'Message ' || id) FROM unnest($1::uuid[]) AS id`,
    [ids, seed.sessionId, seed.userId, seed.content],
  );
  return ids;
}

/** How a reply that was asked for has ended, or is going on. */
export interface SeedOutcome {
  status: 'streaming' | 'completed' | 'failed' | 'cancelled';
  content?: string;
  errorCode?: string;
  errorMessage?: string;
}

/** Makes a queued reply look as if a worker had taken it. */
export async function seedOutcome(db: Db, messageId: string, outcome: SeedOutcome): Promise<void> {
  const { status, content = '', errorCode, errorMessage } = outcome;
  await rows(db, 'UPDATE messages SET content = $2 WHERE id = $1', [messageId, content]);
  await rows(
    db,
    `UPDATE generations SET status = $2, attempt = 1, error_code = $3, error_message = $4 WHERE message_id = $1`,
    [messageId, status, errorCode, errorMessage],
  );
}
