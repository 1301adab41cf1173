import { newId } from '../base/ids.ts';
import type { MovedBalance } from '../contracts/routes/balance.ts';
import type { Db } from '../data/database.ts';
import type { AccountRecord } from '../data/entities/ledger.ts';
import { findEntry, type NewLedgerEntry, postEntry } from '../data/repositories/ledger.ts';
import { presentBalance } from '../presenters/balance.ts';
import { presentLedgerEntry } from '../presenters/ledger.ts';
import type { Announcer } from './announce.ts';

/**
 * Posts an entry, and shows what came of it; only in a transaction that has locked the account.
 *
 * @returns undefined when that movement was there already
 */
export async function moveBalance(
  db: Db,
  entry: Omit<NewLedgerEntry, 'id'>,
): Promise<MovedBalance | undefined> {
  const id = newId();
  const account = await postEntry(db, { id, ...entry });
  if (!account) return undefined;
  const posted = await findEntry(db, id);
  return { ...unmoved(account), entry: posted ? presentLedgerEntry(posted) : null };
}

/** What a user has where nothing was to be done. */
export function unmoved(account: AccountRecord): MovedBalance {
  return { userId: account.userId, ...presentBalance(account), entry: null };
}

/** Tells the user's room. */
export async function announceMoved(announce: Announcer, moved: MovedBalance): Promise<void> {
  const { userId, balance, held, available } = moved;
  if (moved.entry) await announce.toUser(userId, 'balance:update', { balance, held, available });
}
