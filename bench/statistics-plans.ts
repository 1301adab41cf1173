/**
 * Prints the plan of every statement of the statistics, over ten million generations: see docs/operations.md.
 *
 *   npx tsx bench/statistics-plans.ts postgres://…/empty-database [--fill]
 */
import { Client } from 'pg';
import { KEPT_KINDS } from '../src/contracts/session.ts';
import { openDatabase } from '../src/data/database.ts';
import { findUsageState } from '../src/data/repositories/accounts.ts';
import { closeUsage } from '../src/data/repositories/closed-usage.ts';
import { deleteOldUsage } from '../src/data/repositories/old-usage.ts';
import {
  countActiveUsers,
  countSystem,
  findLastActivity,
  findUserUsage,
  sumGroups,
  sumPeriod,
  sumSessions,
  sumTopUsers,
} from '../src/data/repositories/usage-stats.ts';
import { explainAll, type RunStatement } from './support/explain.ts';
import { fill } from './support/fill.ts';

const [url, mode] = process.argv.slice(2);
if (!url) throw new Error('usage: npx tsx bench/statistics-plans.ts <database url> [--fill]');

if (mode === '--fill') await fill(url, 'ten-million-generations.sql');
const database = await openDatabase({ url, poolSize: 1 });
await database.transaction(closeUsage);
await database.close();
const client = new Client(url);
await client.connect();
const { heavy, other, today, monthAgo, yearAgo } = await pick();

const month = { from: monthAgo, to: today };
const year = { from: yearAgo, to: today };
const groups = (range: { from: string; to: string }, groupBy: 'day' | 'model' | 'provider'): RunStatement => {
  return (db) => sumGroups(db, { ...range, groupBy, sort: 'cost', limit: 366 });
};
const window = { seconds: 86_400, requests: 1_000, tokens: 1_000_000, orgCostUsd: 100 };

const statements: [name: string, run: RunStatement][] = [
  ['use of a user', (db) => findUserUsage(db, { userId: other, today, days: 30 })],
  ['use of the heavy user', (db) => findUserUsage(db, { userId: heavy, today, days: 30 })],
  ['last activity of the heavy user', (db) => findLastActivity(db, { userId: heavy, kinds: KEPT_KINDS })],
  ['sessions of a user', (db) => sumSessions(db, { userId: other, kinds: ['chat'] })],
  ['sessions of the heavy user', (db) => sumSessions(db, { userId: heavy, kinds: ['chat'] })],
  ['limits and window', (db) => findUsageState(db, heavy, { window, maxRunning: 5, byRole: true })],
  ['everybody, 30 days', (db) => sumPeriod(db, month)],
  ['everybody, 366 days', (db) => sumPeriod(db, year)],
  ['active users, 30 days', (db) => countActiveUsers(db, month)],
  ['active users, 366 days', (db) => countActiveUsers(db, year)],
  ['by day, 30 days', groups(month, 'day')],
  ['by day, 366 days', groups(year, 'day')],
  ['by model, 30 days', groups(month, 'model')],
  ['by model, 366 days', groups(year, 'model')],
  ['by provider, 30 days', groups(month, 'provider')],
  ['by provider, 366 days', groups(year, 'provider')],
  ['by user, 30 days', (db) => sumTopUsers(db, { ...month, sort: 'cost', limit: 20 })],
  ['by user, 366 days', (db) => sumTopUsers(db, { ...year, sort: 'cost', limit: 20 })],
  ['counts', (db) => countSystem(db)],
  ['pruning, a batch', (db) => deleteOldUsage(db, { days: 300, limit: 10_000 })],
  ['pruning, nothing to do', (db) => deleteOldUsage(db, { days: 400, limit: 10_000 })],
];

await explainAll(client, statements);
await client.end();

/** The heavy user, another one, and days. */
async function pick() {
  const { rows } = await client.query<Record<'heavy' | 'other' | 'today' | 'monthAgo' | 'yearAgo', string>>(`
    SELECT (SELECT id FROM users ORDER BY id LIMIT 1) AS heavy,
           (SELECT id FROM users ORDER BY id OFFSET 5000 LIMIT 1) AS other,
           max(day)::text AS today, (max(day) - 29)::text AS "monthAgo", (max(day) - 365)::text AS "yearAgo"
      FROM usage_days`);
  const [picked] = rows;
  if (!picked?.heavy) throw new Error('the database is empty: add --fill');
  return picked;
}
