import type { EnhancementMetadata } from '../../contracts/enhancement.ts';
import { type Db, rows } from '../database.ts';
import { alive } from './kept-sessions.ts';

/** An enhancement, as its session tells of it. */
export interface EnhancementRow {
  sessionId: string;
  action: string;
  metadata: EnhancementMetadata;
  model: string;
  expiresAt: Date;
  createdAt: Date;
  /** The text, as it was given. */
  text: string;
  /** The message that the result is written into. */
  replyId: string;
}

/** An enhancement of one owner; undefined when there is none, it has expired, or it is somebody else's. */
export async function findEnhancement(
  db: Db,
  userId: string,
  sessionId: string,
): Promise<EnhancementRow | undefined> {
  const [found] = await rows<EnhancementRow>(
    db,
    `SELECT s.id AS "sessionId", s.metadata ->> 'action' AS action, s.metadata, s.model,
            s.expires_at AS "expiresAt", s.created_at AS "createdAt", asked.content AS text, reply.id AS "replyId"
       FROM sessions s
       JOIN messages reply ON reply.session_id = s.id AND reply.role = 'assistant'
       JOIN messages asked ON asked.id = reply.parent_id
      WHERE s.id = $1 AND s.user_id = $2 AND s.kind = 'enhancement' AND ${alive('s')}
      ORDER BY reply.id LIMIT 1`,
    [sessionId, userId],
  );
  return found;
}

/** A text and what was made of it. */
export interface EarlierEnhancement {
  sessionId: string;
  action: string;
  text: string;
  result: string;
}

/** The newest finished enhancements of a user in fields of one type, newest first. */
export async function listEarlierEnhancements(
  db: Db,
  { userId, fieldType, limit }: { userId: string; fieldType: string; limit: number },
): Promise<EarlierEnhancement[]> {
  return rows<EarlierEnhancement>(
    db,
    `SELECT s.id AS "sessionId", s.metadata ->> 'action' AS action, asked.content AS text, reply.content AS result
       FROM sessions s
       JOIN messages reply ON reply.session_id = s.id AND reply.role = 'assistant'
       JOIN messages asked ON asked.id = reply.parent_id
       JOIN generations g ON g.message_id = reply.id AND g.status = 'completed'
      WHERE s.user_id = $1 AND s.kind = 'enhancement' AND s.metadata ->> 'fieldType' = $2 AND ${alive('s')}
      ORDER BY s.last_activity_at DESC, s.id DESC LIMIT $3`,
    [userId, fieldType, limit],
  );
}
