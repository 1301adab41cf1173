import { type Db, rows } from '../database.ts';
import { prepared } from '../prepared.ts';
import type { EndedHold } from './generations.ts';
import { IN_ORDER, OPEN } from './open-generations.ts';

/** Whose generations are to be stopped: those of one message, or all of one session. */
export interface StopScope {
  userId: string;
  messageId?: string;
  sessionId?: string;
}

/** A generation that was asked to stop. */
export interface StoppedGeneration extends EndedHold {
  id: string;
  sessionId: string;
  messageId: string;
  model: string;
  /** `cancelled`: it was waiting and has ended; `streaming`: its worker must be told. */
  status: 'cancelled' | 'streaming';
}

/** Ends what waits, and marks what runs, of a message or a session. What has ended already is left alone. */
export async function requestStop(
  db: Db,
  { userId, messageId, sessionId }: StopScope,
): Promise<StoppedGeneration[]> {
  const [column, id] = messageId ? ['message_id', messageId] : ['session_id', sessionId];
  return rows<StoppedGeneration>(
    db,
    prepared(`WITH open AS (
       SELECT g.id FROM generations g
        WHERE ${column} = $1 AND user_id = $2 AND kind = 'reply' AND ${OPEN} ${IN_ORDER})
     UPDATE generations g SET
       cancel_requested_at = coalesce(cancel_requested_at, now()),
       status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
       finish_reason = CASE status WHEN 'queued' THEN 'cancelled' ELSE finish_reason END,
       credits = CASE status WHEN 'queued' THEN 0 ELSE credits END,
       completed_at = CASE status WHEN 'queued' THEN now() ELSE completed_at END,
       input = CASE status WHEN 'queued' THEN NULL ELSE input END
     FROM open WHERE g.id = open.id
     RETURNING g.id, session_id AS "sessionId", message_id AS "messageId", model, status, hold,
       hold_tokens AS "holdTokens"`),
    [id, userId],
  );
}

/** The sessions in which a user's replies wait or are being written. */
export async function listBusySessions(db: Db, userId: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    `SELECT DISTINCT session_id AS id FROM generations
      WHERE user_id = $1 AND kind = 'reply' AND ${OPEN}`,
    [userId],
  );
  return found.map(({ id }) => id);
}
