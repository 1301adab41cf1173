import { expect } from 'chai';
import { type Database, rows } from '../../src/data/database.ts';

/** Expects that something changes nothing of what is stored of a user: no message, no counter, no key. */
export async function expectNothingWritten(
  database: Pick<Database, 'db'>,
  userId: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = await written(database, userId);
  await work();
  expect(await written(database, userId)).to.deep.equal(before);
}

/** Everything of a user that a request could change. */
async function written({ db }: Pick<Database, 'db'>, userId: string): Promise<unknown> {
  const [all] = await rows(
    db,
    `SELECT (SELECT to_jsonb(accounts) FROM accounts WHERE user_id = $1) AS account,
            (SELECT jsonb_agg(to_jsonb(s) ORDER BY id) FROM sessions s WHERE user_id = $1) AS sessions,
            (SELECT count(*)::int FROM messages WHERE user_id = $1) AS messages,
            (SELECT count(*)::int FROM generations WHERE user_id = $1) AS generations,
            (SELECT count(*)::int FROM ledger_entries WHERE user_id = $1) AS entries,
            (SELECT count(*)::int FROM idempotency_keys WHERE user_id = $1) AS keys`,
    [userId],
  );
  return all;
}
