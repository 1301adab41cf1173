import type { SessionKind } from '../../contracts/session.ts';
import { type Db, rows } from '../database.ts';
import type { GenerationRecord } from '../entities/generation.ts';
import { alive } from './kept-sessions.ts';
import { TAKEN, TAKEN_MESSAGES } from './taken-tokens.ts';

/**
 * Tokens that the newest reply of each lane took, prompt and text: about what the lane's own conversation has. By the
 * number of the lane; a lane that took nothing yet is left out.
 */
export async function findLaneTokens(db: Db, sessionId: string): Promise<Map<number, number>> {
  const found = await rows<{ lane: number; tokens: number }>(
    db,
    `SELECT DISTINCT ON (g.lane) g.lane, ${TAKEN} AS tokens
       FROM (SELECT id FROM messages WHERE session_id = $1 ORDER BY id DESC LIMIT $2) AS newest
       JOIN generations g ON g.message_id = newest.id
      WHERE g.lane IS NOT NULL AND ${TAKEN} IS NOT NULL
      ORDER BY g.lane, newest.id DESC`,
    [sessionId, TAKEN_MESSAGES],
  );
  return new Map(found.map(({ lane, tokens }) => [lane, tokens]));
}

/** How a lane stands with a prompt, and what it took; whether or not its reply is still there. */
export type LaneState = Pick<
  GenerationRecord,
  'status' | 'inputTokens' | 'outputTokens' | 'costUsd' | 'credits' | 'createdAt' | 'completedAt'
>;

/** Of the replies that were written to these messages of a session, deleted ones among them. */
export async function findLaneStates(db: Db, sessionId: string, messageIds: string[]): Promise<LaneState[]> {
  return rows<LaneState>(
    db,
    `SELECT status, input_tokens AS "inputTokens", output_tokens AS "outputTokens", cost_usd AS "costUsd", credits,
            created_at AS "createdAt", completed_at AS "completedAt"
       FROM generations WHERE message_id = ANY($1) AND session_id = $2`,
    [messageIds, sessionId],
  );
}

/** A reply, as far as a client that comes back to it must be told. */
export interface FoundReply {
  messageId: string;
  sessionId: string;
  model: string;
  /** Null outside of the playground. */
  lane: number | null;
}

/** Replies of one owner in sessions of one kind; those that are not there are left out. */
export async function findReplies(
  db: Db,
  { userId, kind, ids }: { userId: string; kind: SessionKind; ids: string[] },
): Promise<FoundReply[]> {
  return rows<FoundReply>(
    db,
    `SELECT m.id AS "messageId", m.session_id AS "sessionId", g.model, g.lane
       FROM messages m JOIN generations g ON g.message_id = m.id JOIN sessions s ON s.id = m.session_id
      WHERE m.id = ANY($1) AND m.user_id = $2 AND s.kind = $3 AND ${alive('s')}
      ORDER BY g.lane, m.id`,
    [ids, userId, kind],
  );
}
