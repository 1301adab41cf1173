import { type Db, rows } from '../database.ts';
import type { GenerationRecord } from '../entities/generation.ts';
import type { MessageRecord } from '../entities/message.ts';

/** What a new generation is made of. */
export type NewGeneration = Pick<
  GenerationRecord,
  'id' | 'userId' | 'sessionId' | 'model' | 'settings' | 'price' | 'createdAt'
> & {
  /** The placeholder that it fills. */
  messageId: string;
};

/** Messages that are stored together, and the generations of the replies among them. */
export interface NewTurn {
  userId: string;
  sessionId: string;
  /** Becomes the title of a session that has none. */
  title: string | null;
  messages: MessageRecord[];
  generations: NewGeneration[];
}

const MESSAGE_COLUMNS = 'id, session_id, user_id, parent_id, role, content, created_at';
const MESSAGE_TYPES =
  'id uuid, session_id uuid, user_id uuid, parent_id uuid, role text, content text, created_at timestamptz';
const GENERATION_COLUMNS = 'id, user_id, session_id, message_id, model, settings, price, created_at';
const GENERATION_TYPES =
  'id uuid, user_id uuid, session_id uuid, message_id uuid, model text, settings jsonb, price jsonb, created_at timestamptz';

/**
 * Stores a turn and counts it into its session, which becomes the one last used: all or nothing, in one statement,
 * as this stands between a person and the first token.
 *
 * @returns false when there is no such session of that user; then nothing was stored
 */
export async function insertTurn(db: Db, turn: NewTurn): Promise<boolean> {
  const { userId, sessionId, title, messages, generations } = turn;
  const counted = await rows(
    db,
    `WITH session AS (
       UPDATE sessions SET message_count = message_count + $3, title = coalesce(title, $4), last_activity_at = now(),
              title_by = CASE WHEN title IS NULL AND $4::text IS NOT NULL THEN 'excerpt' ELSE title_by END
        WHERE id = $1 AND user_id = $2 RETURNING id
     ), stored AS (
       INSERT INTO messages (${MESSAGE_COLUMNS})
       SELECT message.* FROM session, json_to_recordset($5) AS message (${MESSAGE_TYPES})
     ), queued AS (
       INSERT INTO generations (${GENERATION_COLUMNS}, status)
       SELECT generation.*, 'queued' FROM session, json_to_recordset($6) AS generation (${GENERATION_TYPES})
     )
     SELECT id FROM session`,
    [
      sessionId,
      userId,
      messages.length,
      title,
      JSON.stringify(messages.map(toColumns)),
      JSON.stringify(generations.map(toColumns)),
    ],
  );
  return counted.length > 0;
}

/** A record under the names of its columns. */
function toColumns(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
