import { type Db, rows } from '../database.ts';
import type { AccountRecord } from '../entities/ledger.ts';
import type { AdmissionLimits, UsageState } from '../entities/usage.ts';
import { prepared } from '../prepared.ts';
import { counted, ofDay, ofMonth, ofWindow, today, windowStart } from './usage-counters.ts';

/** Makes the account of a new user, empty. */
export async function openAccount(db: Db, userId: string): Promise<void> {
  await rows(db, 'INSERT INTO accounts (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [userId]);
}

/** What a user has; undefined for a user without an account. */
export async function findAccount(db: Db, userId: string): Promise<AccountRecord | undefined> {
  const sql = 'SELECT user_id AS "userId", balance, held FROM accounts WHERE user_id = $1';
  return (await rows<AccountRecord>(db, sql, [userId]))[0];
}

/** What a user has used of what may be used; undefined for a user without an account. */
export async function findUsageState(
  db: Db,
  userId: string,
  { window, byRole }: AdmissionLimits,
): Promise<UsageState | undefined> {
  const found = await rows<UsageState>(
    db,
    `SELECT balance, held, held_tokens::float8 AS "heldTokens", running,
            ${ofDay('day_requests')} AS "dayRequests", ${ofMonth('month_requests')} AS "monthRequests",
            (${ofMonth('month_tokens')})::float8 AS "monthTokens",
            ${ofWindow('window_requests', '$2')} AS "windowRequests",
            (${ofWindow('window_tokens', '$2')})::float8 AS "windowTokens",
            ${ofWindow('window_cost_usd', '$2')} AS "windowCostUsd",
            coalesce((SELECT cost_usd FROM org_windows WHERE window_start = ${windowStart('$2')}), 0) AS "orgCostUsd",
            CASE WHEN $3 THEN coalesce(roles.usage_limits, '{}') ELSE '{}' END || users.usage_limits AS limits,
            (${today} + 1)::timestamp AT TIME ZONE 'UTC' AS "dayEndsAt",
            (date_trunc('month', ${today}::timestamp) + interval '1 month') AT TIME ZONE 'UTC' AS "monthEndsAt",
            ${windowStart('$2')} + $2::int * interval '1 second' AS "windowEndsAt"
       FROM accounts JOIN users ON users.id = accounts.user_id LEFT JOIN roles ON roles.name = users.role
      WHERE accounts.user_id = $1`,
    [userId, window.seconds, byRole],
  );
  return found[0];
}

/** What an ended generation gives back to its user's account, and what is counted of it. */
export interface ReleasedHold {
  userId: string;
  /** Credits that were set aside, a decimal string. */
  hold: string;
  holdTokens: number;
  /** How many replies have ended. */
  ended: number;
  /** Tokens that they took, input and output. */
  tokens: number;
  /** US dollars, a decimal string. */
  costUsd: string;
}

/** Ends holds; only ever in the transaction that ends their generations. @param windowSeconds see {@link AdmissionLimits} */
export async function releaseHold(
  db: Db,
  { userId, hold, holdTokens, ended, tokens, costUsd }: ReleasedHold,
  windowSeconds: number,
): Promise<AccountRecord | undefined> {
  const released = await rows<AccountRecord>(
    db,
    prepared(`UPDATE accounts SET held = held - $3, held_tokens = held_tokens - $4, running = running - $5,
            ${counted('$2', { tokens: '$6', costUsd: '$7' })}
      WHERE user_id = $1 RETURNING user_id AS "userId", balance, held`),
    [userId, windowSeconds, hold, holdTokens, ended, tokens, costUsd],
  );
  return released[0];
}

/** Adds to what all users together cost in the current window. */
export async function countOrgCost(db: Db, costUsd: string, windowSeconds: number): Promise<void> {
  await rows(
    db,
    `INSERT INTO org_windows (window_start, cost_usd) VALUES (${windowStart('$2')}, $1)
     ON CONFLICT (window_start) DO UPDATE SET cost_usd = org_windows.cost_usd + $1 RETURNING cost_usd`,
    [costUsd, windowSeconds],
  );
}

/** How much more is to be set aside for a generation that goes on. */
export interface HoldGrowth {
  id: string;
  attempt: number;
  /** Tokens that are wanted. */
  tokens: number;
}

/** What was set aside. */
export interface GrownHold extends AccountRecord {
  /** The generation. */
  id: string;
  /** 0: nothing is left. */
  tokens: number;
}

/**
 * Sets credits for more tokens aside, as many of them as the balance and its overdraft pay for. Waits for whoever has the
 * generation or the account.
 *
 * @param overdraft credits that the balance may be short of, a decimal string; null: any number
 * @returns undefined when the attempt is not the current one any more
 */
export async function growHold(
  db: Db,
  growth: HoldGrowth,
  overdraft: string | null,
): Promise<GrownHold | undefined> {
  return (await rows<GrownHold>(db, GROW_WAITING, growParameters([growth], overdraft)))[0];
}

/**
 * The same for generations of different users, in one statement that waits for nobody: so it holds nobody up, either.
 *
 * @returns what grew. The others are not current any more, or somebody has them or their account at the moment
 */
export async function growFreeHolds(
  db: Db,
  growths: readonly HoldGrowth[],
  overdraft: string | null,
): Promise<GrownHold[]> {
  return rows<GrownHold>(db, GROW_FREE, growParameters(growths, overdraft));
}

function growParameters(growths: readonly HoldGrowth[], overdraft: string | null): unknown[] {
  return [
    growths.map(({ id }) => id),
    growths.map(({ attempt }) => attempt),
    growths.map(({ tokens }) => tokens),
    overdraft,
  ];
}

// The generation is locked before the account, as by a settlement.
const growStatement = (ifLocked: '' | 'SKIP LOCKED'): string =>
  prepared(`WITH mine AS (
     SELECT id, user_id, hold, hold_tokens, wanted, (price ->> 'creditsPer100Tokens')::numeric AS rate
       FROM unnest($1::uuid[], $2::int[], $3::int[]) AS asked (id, attempt, wanted) JOIN generations USING (id, attempt)
      WHERE status = 'streaming' FOR NO KEY UPDATE OF generations ${ifLocked}
   ), account AS (
     SELECT mine.*, CASE
              WHEN $4::numeric IS NULL OR rate = 0 THEN wanted
              ELSE greatest(0, least(wanted, floor((balance - held + hold + $4) * 100 / rate) - hold_tokens))::int
            END AS tokens
       FROM accounts JOIN mine USING (user_id) FOR NO KEY UPDATE OF accounts ${ifLocked}
   ), grown AS (
     -- The price of all its tokens, rounded once, as they are charged.
     UPDATE generations SET hold_tokens = account.hold_tokens + tokens,
            hold = greatest(account.hold, round((account.hold_tokens + tokens) * rate / 100, 6))
       FROM account WHERE generations.id = account.id
     RETURNING generations.id, account.user_id, tokens, generations.hold - account.hold AS credits
   )
   UPDATE accounts SET held = held + credits, held_tokens = held_tokens + tokens
     FROM grown WHERE accounts.user_id = grown.user_id
   RETURNING grown.id, accounts.user_id AS "userId", balance, held, tokens`);

const GROW_WAITING = growStatement('');
const GROW_FREE = growStatement('SKIP LOCKED');
