import { type Db, rows } from '../database.ts';
import { prepared } from '../prepared.ts';
import type { AttemptRef } from './generations.ts';
import { CANCEL_REQUESTED, IN_ORDER, OPEN } from './open-generations.ts';

/** What a heartbeat tells of one running attempt. */
export interface Heartbeat {
  id: string;
  cancelRequested: boolean;
}

/**
 * Signs of life of running attempts, in one statement; each prolongs its hold. An attempt that is not answered has lost
 * its claim.
 */
export async function beatGenerations(
  db: Db,
  running: AttemptRef[],
  holdMinutes: number,
): Promise<Heartbeat[]> {
  return rows<Heartbeat>(
    db,
    prepared(`WITH mine AS (
       SELECT g.id FROM generations g JOIN unnest($1::uuid[], $2::int[]) AS running (id, attempt) USING (id, attempt)
        WHERE g.status = 'streaming' ${IN_ORDER})
     UPDATE generations g SET heartbeat_at = now(), hold_expires_at = now() + $3 * interval '1 minute'
       FROM mine WHERE g.id = mine.id
      RETURNING g.id, ${CANCEL_REQUESTED} AS "cancelRequested"`),
    [running.map((each) => each.id), running.map((each) => each.attempt), holdMinutes],
  );
}

/** Says that somebody waits for the replies in these messages, for some time more. Nothing is written for what has ended. */
export async function prolongWatches(db: Db, messageIds: string[], leaseMs: number): Promise<void> {
  await rows(
    db,
    prepared(`WITH watched AS (
       SELECT g.id FROM generations g
        WHERE message_id = ANY($1) AND watched_until IS NOT NULL AND ${OPEN} ${IN_ORDER})
     UPDATE generations g SET watched_until = now() + $2 * interval '1 millisecond' FROM watched WHERE g.id = watched.id`),
    [messageIds, leaseMs],
  );
}

/** How old a generation must be before it counts as forgotten by the queue, in milliseconds. */
export interface ForgottenAges {
  queuedMs: number;
  silentMs: number;
}

/** Generations that wait, or whose worker is silent, for longer than they should: a job may have been lost. */
export async function findForgotten(db: Db, { queuedMs, silentMs }: ForgottenAges): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    `SELECT id FROM generations
      WHERE (status = 'queued' AND created_at < now() - $1 * interval '1 millisecond')
         OR (status = 'streaming' AND heartbeat_at < now() - $2 * interval '1 millisecond')
      ORDER BY created_at LIMIT 1000`,
    [queuedMs, silentMs],
  );
  return found.map(({ id }) => id);
}

/**
 * Open generations whose hold has run out: no worker took them, or gave a sign of life of them, for too long. One that
 * was taken just in time is left to its worker, whose first sign of life prolongs the hold.
 */
export async function findExpired(db: Db, { silentMs }: Pick<ForgottenAges, 'silentMs'>): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    `SELECT id FROM generations
      WHERE ${OPEN} AND hold_expires_at < now()
        AND (status = 'queued' OR heartbeat_at < now() - $1 * interval '1 millisecond')
      ORDER BY created_at LIMIT 1000`,
    [silentMs],
  );
  return found.map(({ id }) => id);
}
