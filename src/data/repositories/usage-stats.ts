import type { SessionKind } from '../../contracts/session.ts';
import { type Db, rows } from '../database.ts';
import type { GenerationKind } from '../entities/generation.ts';
import { EACH_USER, EVERYBODY } from './closed-usage.ts';
import { OPEN } from './open-generations.ts';

/** What generations that have ended took together. */
export interface UsageSums {
  completed: number;
  failed: number;
  cancelled: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars, a decimal string. */
  costUsd: string;
  /** Credits, a decimal string. */
  credits: string;
}

const SUMS = `coalesce(sum(completed), 0)::float8 AS completed, coalesce(sum(failed), 0)::float8 AS failed,
  coalesce(sum(cancelled), 0)::float8 AS cancelled, coalesce(sum(input_tokens), 0)::float8 AS "inputTokens",
  coalesce(sum(output_tokens), 0)::float8 AS "outputTokens", coalesce(sum(cost_usd), 0) AS "costUsd",
  coalesce(sum(credits), 0) AS credits`;

/** What a user's replies took: of all time, of the current month, of each model, of each of the last days. */
export interface UserUsageRow extends UsageSums {
  scope: 'total' | 'month' | 'model' | 'day';
  /** The model or the day; null for the other scopes. */
  key: string | null;
}

/** Up to when a user's replies are looked at. */
export interface UserUsagePeriod {
  userId: string;
  /** The current day of UTC: `2026-11-20`. */
  today: string;
  /** How many days are told one by one, `today` included. */
  days: number;
}

/** A user's use, in one pass over the days of that user. Scopes in which there was none are left out, but not `total`. */
export async function findUserUsage(
  db: Db,
  { userId, today, days }: UserUsagePeriod,
): Promise<UserUsageRow[]> {
  return rows<UserUsageRow>(
    db,
    `SELECT CASE WHEN GROUPING(model) = 0 THEN 'model' WHEN GROUPING(shown_day) = 0 THEN 'day'
                 WHEN GROUPING(this_month) = 0 THEN 'month' ELSE 'total' END AS scope,
            CASE WHEN GROUPING(model) = 0 THEN model WHEN GROUPING(shown_day) = 0 THEN shown_day::text END AS key,
            ${SUMS}
       FROM (SELECT *, CASE WHEN day > $2::timestamp::date - $3::int AND day <= $2::timestamp::date THEN day END AS shown_day,
                    day BETWEEN date_trunc('month', $2::timestamp)::date AND $2::timestamp::date AS this_month
               FROM usage_days WHERE user_id = $1 AND kind = 'reply') AS mine
      GROUP BY GROUPING SETS ((), (this_month), (model), (shown_day))
     HAVING (GROUPING(shown_day) = 1 OR shown_day IS NOT NULL) AND (GROUPING(this_month) = 1 OR this_month)`,
    [userId, today, days],
  );
}

/** Sessions of a user that are for certain things. */
export interface SessionsOf {
  userId: string;
  kinds: readonly SessionKind[];
}

/** What these sessions come to. */
export interface SessionSums {
  sessions: number;
  messages: number;
}

/** How many sessions and messages there are, by the totals of the sessions. */
export async function sumSessions(db: Db, { userId, kinds }: SessionsOf): Promise<SessionSums> {
  const [sums] = await rows<SessionSums>(
    db,
    `SELECT count(*)::float8 AS sessions, coalesce(sum(message_count), 0)::float8 AS messages
       FROM sessions WHERE user_id = $1 AND kind = ANY($2)`,
    [userId, kinds],
  );
  return sums ?? { sessions: 0, messages: 0 };
}

/** When a user last did something in one of these, as far as they are still there; null: there is none. */
export async function findLastActivity(db: Db, { userId, kinds }: SessionsOf): Promise<Date | null> {
  const [newest] = await rows<{ at: Date | null }>(
    db,
    // The newest of each kind is the first in its part of the index; over all kinds there is no order in it.
    `SELECT max(newest.at) AS at FROM unnest($2::text[]) AS wanted (kind), LATERAL (
       SELECT last_activity_at AS at FROM sessions WHERE user_id = $1 AND sessions.kind = wanted.kind
        ORDER BY last_activity_at DESC, id DESC LIMIT 1) AS newest`,
    [userId, kinds],
  );
  return newest?.at ?? null;
}

/** Days of UTC, both included. */
export interface DayRange {
  from: string;
  to: string;
}

/** What everybody's generations of a kind took. */
export interface KindSums extends UsageSums {
  kind: GenerationKind;
}

/** What everybody used in a period, replies and titles apart. */
export async function sumPeriod(db: Db, { from, to }: DayRange): Promise<KindSums[]> {
  return rows<KindSums>(db, `SELECT kind, ${SUMS} FROM ${EVERYBODY} AS everybody GROUP BY kind`, [from, to]);
}

/** How many users had a reply that ended in a period. */
export async function countActiveUsers(db: Db, { from, to }: DayRange): Promise<number> {
  const [active] = await rows<{ count: number }>(
    db,
    // Not count(DISTINCT), which sorts.
    `SELECT count(*)::float8 AS count FROM (
       SELECT DISTINCT user_id FROM ${EACH_USER} AS each_user WHERE kind = 'reply') AS active`,
    [from, to],
  );
  return active?.count ?? 0;
}

/** What makes a group of each grouping. */
const KEYS = { day: 'day', model: 'model', provider: `split_part(model, '/', 1)` };

/** What replies took, by group. */
export interface GroupSums extends UsageSums {
  /** The day, model, provider or id of the user. */
  key: string;
}

/** Which groups of a period are wanted: those that used the most. */
export interface LargestOf extends DayRange {
  sort: 'cost' | 'tokens';
  limit: number;
}

/** What everybody's replies took, by something of which there is little; largest first. */
export async function sumGroups(
  db: Db,
  { from, to, groupBy, sort, limit }: LargestOf & { groupBy: keyof typeof KEYS },
): Promise<GroupSums[]> {
  return rows<GroupSums>(
    db,
    // Written out once grouped: each row's day as text costs more than all the rest.
    `SELECT sums.*, grouped::text AS key
       FROM (SELECT ${KEYS[groupBy]} AS grouped, ${SUMS} FROM ${EVERYBODY} AS everybody
              WHERE kind = 'reply' GROUP BY 1) AS sums
      ORDER BY ${sort === 'cost' ? '"costUsd"' : '"inputTokens" + "outputTokens"'} DESC, grouped LIMIT $3`,
    [from, to, limit],
  );
}

/** What a user's replies took. */
export interface UserSums extends GroupSums {
  /** Null for a user that was deleted. */
  email: string | null;
}

/** What the replies of those users took who used the most, largest first. */
export async function sumTopUsers(db: Db, { from, to, sort, limit }: LargestOf): Promise<UserSums[]> {
  const size = sort === 'cost' ? '"costUsd"' : '"inputTokens" + "outputTokens"';
  return rows<UserSums>(
    db,
    `SELECT top.*, users.email FROM (
       SELECT * FROM (SELECT user_id AS key, ${SUMS} FROM ${EACH_USER} AS each_user WHERE kind = 'reply' GROUP BY user_id) AS sums
        ORDER BY ${size} DESC, key LIMIT $3) AS top
       LEFT JOIN users ON users.id = top.key ORDER BY ${size} DESC, top.key`,
    [from, to, limit],
  );
}

/** How much there is of what grows. */
export interface SystemCounts {
  users: number;
  sessions: number;
  runningGenerations: number;
}

/** Up to so many rows are counted; above it PostgreSQL's own estimate is taken. */
const MAX_COUNTED = 100_000;

const countOf = (table: 'users' | 'sessions'): string =>
  `(SELECT CASE WHEN counted <= ${MAX_COUNTED} THEN counted
                ELSE greatest(counted, (SELECT reltuples FROM pg_class WHERE oid = '${table}'::regclass)) END
      FROM (SELECT count(*) AS counted FROM (SELECT FROM ${table} LIMIT ${MAX_COUNTED + 1}) AS first_ones) AS found)::float8`;

/** Counts that cost the same however much there is. */
export async function countSystem(db: Db): Promise<SystemCounts> {
  const [counts] = await rows<SystemCounts>(
    db,
    `SELECT ${countOf('users')} AS users, ${countOf('sessions')} AS sessions,
            (SELECT count(*) FROM generations WHERE ${OPEN})::float8 AS "runningGenerations"`,
  );
  return counts ?? { users: 0, sessions: 0, runningGenerations: 0 };
}
