import { type Db, rows } from '../database.ts';
import type { AccountRecord, LedgerEntryRecord } from '../entities/ledger.ts';

/** Makes the account of a new user, empty. */
export async function openAccount(db: Db, userId: string): Promise<void> {
  await rows(db, 'INSERT INTO accounts (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [userId]);
}

/** A movement to be posted. */
export type NewLedgerEntry = Pick<LedgerEntryRecord, 'id' | 'userId' | 'kind' | 'amount'> &
  Partial<Pick<LedgerEntryRecord, 'generationId' | 'reason'>>;

/**
 * Adds a movement and keeps the account equal to the sum; only ever inside of a transaction. A second charge
 * of one generation moves nothing.
 *
 * @returns the account after it, or undefined when that charge was there already
 */
export async function postEntry(db: Db, entry: NewLedgerEntry): Promise<AccountRecord | undefined> {
  const posted = await rows(
    db,
    `INSERT INTO ledger_entries (id, user_id, kind, amount, generation_id, reason)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (generation_id) WHERE kind = 'charge' DO NOTHING RETURNING id`,
    [entry.id, entry.userId, entry.kind, entry.amount, entry.generationId ?? null, entry.reason ?? null],
  );
  if (posted.length === 0) return undefined;
  const [account] = await rows<AccountRecord>(
    db,
    `UPDATE accounts SET balance = balance + $2 WHERE user_id = $1
     RETURNING user_id AS "userId", balance, held`,
    [entry.userId, entry.amount],
  );
  return account;
}

/** What a user has; undefined for a user without an account. */
export async function findAccount(db: Db, userId: string): Promise<AccountRecord | undefined> {
  const found = await rows<AccountRecord>(
    db,
    'SELECT user_id AS "userId", balance, held FROM accounts WHERE user_id = $1',
    [userId],
  );
  return found[0];
}
