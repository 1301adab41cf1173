import type { BalanceEvent } from '../contracts/events.ts';
import type { Database } from '../data/database.ts';
import { findAccount } from '../data/repositories/accounts.ts';
import { presentBalance } from '../presenters/balance.ts';

/** What a user has, in credits. */
export type ReadBalance = (userId: string) => Promise<BalanceEvent>;

/** What an account that was never opened holds. */
const NOTHING = { balance: '0', held: '0' };

/** Makes the verb. */
export function createReadBalance({ db }: Pick<Database, 'db'>): ReadBalance {
  return async (userId) => presentBalance((await findAccount(db, userId)) ?? NOTHING);
}
