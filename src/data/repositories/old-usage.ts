import { type Db, rows } from '../database.ts';
import { long } from '../long-statements.ts';
import { today } from './usage-counters.ts';

/** Which of what is old is deleted. */
export interface OldUsage {
  /** Days of UTC that are kept, beside the current one. */
  days: number;
  /** Most rows that one statement deletes, so that it is short. */
  limit: number;
}

/** Forgets days of use; two processes that do so at once take different ones. Returns how many rows. */
export async function deleteOldUsage(db: Db, { days, limit }: OldUsage): Promise<number> {
  const [gone] = await rows<{ count: number }>(
    db,
    // By the key: an operator may have partitioned the table, and then a ctid names a row in each part.
    long(`WITH old AS (
       SELECT user_id, day, model, kind FROM usage_days
        WHERE day < ${today} - $1::int ORDER BY day LIMIT $2 FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM usage_days USING old
        WHERE (usage_days.user_id, usage_days.day, usage_days.model, usage_days.kind) = (old.user_id, old.day, old.model, old.kind)
       RETURNING 1)
     SELECT count(*)::int AS count FROM gone`),
    [days, limit],
  );
  return gone?.count ?? 0;
}

/** Forgets what windows that are that old cost all users together; there are few of them. Returns how many. */
export async function deleteOldWindows(db: Db, days: number): Promise<number> {
  const gone = await rows(
    db,
    `DELETE FROM org_windows WHERE window_start < now() - $1 * interval '1 day' RETURNING 1`,
    [days],
  );
  return gone.length;
}

/** Forgets months of users that ended before the days that are kept. Returns how many rows. */
export async function deleteOldMonths(db: Db, days: number): Promise<number> {
  const gone = await rows(
    db,
    long(`DELETE FROM usage_months WHERE month + interval '1 month' <= ${today} - $1::int RETURNING 1`),
    [days],
  );
  return gone.length;
}
