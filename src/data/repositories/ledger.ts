import { type Db, rows } from '../database.ts';
import type { AccountRecord, LedgerEntryRecord } from '../entities/ledger.ts';

/** A movement to be posted. */
export type NewLedgerEntry = Pick<LedgerEntryRecord, 'id' | 'userId' | 'kind' | 'amount'> &
  Partial<Pick<LedgerEntryRecord, 'generationId' | 'reason' | 'createdBy'>>;

/**
 * Adds a movement and keeps the account equal to the sum; only ever inside of a transaction. A second charge, or a
 * second refund, of one generation moves nothing.
 *
 * @returns the account after it; undefined when that movement was there already, or there is no such account
 */
export async function postEntry(db: Db, entry: NewLedgerEntry): Promise<AccountRecord | undefined> {
  const { id, userId, kind, amount, generationId = null, reason = null, createdBy = null } = entry;
  const posted = await rows<AccountRecord>(
    db,
    // Of two at once, the second fails on the index, and its transaction with it.
    `WITH account AS (
       UPDATE accounts SET balance = balance + $4
        WHERE user_id = $2 AND NOT EXISTS (
          SELECT FROM ledger_entries WHERE generation_id = $5 AND kind = $3 AND kind IN ('charge', 'refund'))
       RETURNING user_id, balance, held
     ), entry AS (
       INSERT INTO ledger_entries (id, user_id, kind, amount, generation_id, reason, created_by, balance_after)
       SELECT $1, user_id, $3, $4, $5, $6, $7, balance FROM account
     )
     SELECT user_id AS "userId", balance, held FROM account`,
    [id, userId, kind, amount, generationId, reason, createdBy],
  );
  return posted[0];
}
