import type { OwnedIdPage } from '../../base/page-by-id.ts';
import { type Db, rows } from '../database.ts';
import type { AccountRecord, LedgerEntryRecord } from '../entities/ledger.ts';
import { prepared } from '../prepared.ts';

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
    // Of two at once, the second fails on the index, and its transaction with it. The entry is made of the account's row,
    // so `seq` and time are taken with that row locked: in the order in which balances follow each other.
    prepared(`WITH account AS (
       UPDATE accounts SET balance = balance + $4
        WHERE user_id = $2 AND NOT EXISTS (
          SELECT FROM ledger_entries WHERE generation_id = $5 AND kind = $3 AND kind IN ('charge', 'refund'))
       RETURNING user_id, balance, held
     ), entry AS (
       INSERT INTO ledger_entries (id, user_id, kind, amount, generation_id, reason, created_by, balance_after, created_at)
       SELECT $1, user_id, $3, $4, $5, $6, $7, balance, clock_timestamp() FROM account
     )
     SELECT user_id AS "userId", balance, held FROM account`),
    [id, userId, kind, amount, generationId, reason, createdBy],
  );
  return posted[0];
}

/** A movement as it is shown. */
export type LedgerEntryView = Omit<LedgerEntryRecord, 'userId' | 'createdBy' | 'seq'> & {
  /** The model that was asked for what was charged; null where there is none. */
  model: string | null;
};

const VIEW = `SELECT e.id, e.kind, e.amount, e.balance_after AS "balanceAfter", e.generation_id AS "generationId",
    g.model, e.reason, e.created_at AS "createdAt"
  FROM ledger_entries e LEFT JOIN generations g ON g.id = e.generation_id`;

/** A user's movements, newest first. */
export async function listLedger(db: Db, { userId, limit, before }: OwnedIdPage): Promise<LedgerEntryView[]> {
  const older =
    before === undefined ? '' : 'AND e.seq < (SELECT seq FROM ledger_entries WHERE id = $3 AND user_id = $1)';
  return rows<LedgerEntryView>(
    db,
    `${VIEW} WHERE e.user_id = $1 ${older} ORDER BY e.seq DESC LIMIT $2`,
    before === undefined ? [userId, limit] : [userId, limit, before],
  );
}

/** One movement, by its id. */
export async function findEntry(db: Db, id: string): Promise<LedgerEntryView | undefined> {
  return (await rows<LedgerEntryView>(db, `${VIEW} WHERE e.id = $1`, [id]))[0];
}

/** What a generation was charged: whom, and a negative amount; undefined when nothing was. */
export async function findCharge(
  db: Db,
  generationId: string,
): Promise<Pick<LedgerEntryRecord, 'userId' | 'amount'> | undefined> {
  const charged = await rows<Pick<LedgerEntryRecord, 'userId' | 'amount'>>(
    db,
    `SELECT user_id AS "userId", amount FROM ledger_entries WHERE generation_id = $1 AND kind = 'charge'`,
    [generationId],
  );
  return charged[0];
}

/** The account of a user, which nobody else can move until the transaction ends. */
export async function lockAccount(db: Db, userId: string): Promise<AccountRecord | undefined> {
  const sql = 'SELECT user_id AS "userId", balance, held FROM accounts WHERE user_id = $1 FOR NO KEY UPDATE';
  return (await rows<AccountRecord>(db, sql, [userId]))[0];
}
