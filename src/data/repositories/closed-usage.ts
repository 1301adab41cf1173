import { type Db, rows } from '../database.ts';
import { long } from '../long-statements.ts';

const COUNTED = 'completed, failed, cancelled, input_tokens, output_tokens, cost_usd, credits';
const SUMS = COUNTED.split(', ')
  .map((column) => `sum(${column})`)
  .join(', ');

/**
 * A day is over for good once it has been over for this long: a transaction that began before midnight counts into the day
 * on which it began.
 */
const OVER = `(now() - interval '1 hour') AT TIME ZONE 'UTC'`;

/**
 * Adds up the days and months that are over and were not added up yet: days over all users, months over all models.
 * Nothing is counted into them any more, so statistics of long periods need not read every user's days again. Only ever inside
 * of a transaction: two processes that do so at once wait for each other, and the second finds nothing to do.
 */
export async function closeUsage(db: Db): Promise<void> {
  const [open] = await rows<{ days: string; months: string }>(
    db,
    long(`SELECT days_before::text AS days, months_before::text AS months FROM usage_closed
      WHERE days_before < (${OVER})::date FOR UPDATE`),
  );
  if (!open) return;
  await rows(
    db,
    long(`WITH days AS (
       INSERT INTO usage_totals (day, model, kind, ${COUNTED})
       SELECT day, model, kind, ${SUMS} FROM usage_days
        WHERE day >= $1 AND day < (${OVER})::date GROUP BY day, model, kind
     ), months AS (
       INSERT INTO usage_months (month, user_id, kind, ${COUNTED})
       SELECT date_trunc('month', day), user_id, kind, ${SUMS} FROM usage_days
        WHERE day >= $2 AND day < date_trunc('month', ${OVER}) GROUP BY 1, user_id, kind
     )
     UPDATE usage_closed SET days_before = (${OVER})::date, months_before = date_trunc('month', ${OVER}) RETURNING 1`),
    [open.days, open.months],
  );
}

/**
 * What everybody used in a period, `$1` to `$2`, in rows of `day, model, kind` and what was counted: the days that are
 * added up as they are, the others by user.
 */
export const EVERYBODY = `(
  SELECT day, model, kind, ${COUNTED} FROM usage_totals WHERE day BETWEEN $1::date AND $2::date
  UNION ALL
  SELECT day, model, kind, ${COUNTED} FROM usage_days
   WHERE day BETWEEN greatest($1::date, (SELECT days_before FROM usage_closed)) AND $2::date)`;

/** The whole months of the period that are added up: from the first to before the second, which is the first when there are none. */
const MONTHS = `(SELECT first, greatest(first, least(date_trunc('month', $2::date + 1)::date, months_before)) AS last
  FROM usage_closed, (SELECT date_trunc('month', $1::date + interval '1 month' - interval '1 day')::date AS first) AS begin)`;

/** What each user used in a period, `$1` to `$2`, in rows of `user_id, kind` and what was counted: whole months, and the days beside them. */
export const EACH_USER = `(
  SELECT user_id, kind, ${COUNTED} FROM usage_months
   WHERE month >= (SELECT first FROM ${MONTHS} AS m) AND month < (SELECT last FROM ${MONTHS} AS m)
  UNION ALL
  SELECT user_id, kind, ${COUNTED} FROM usage_days
   WHERE day BETWEEN $1::date AND least($2::date, (SELECT first FROM ${MONTHS} AS m) - 1)
  UNION ALL
  SELECT user_id, kind, ${COUNTED} FROM usage_days
   WHERE day BETWEEN (SELECT last FROM ${MONTHS} AS m) AND $2::date)`;
