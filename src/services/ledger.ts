import type { Page, PageQuery } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
import type { LedgerEntry } from '../contracts/routes/ledger.ts';
import type { Database } from '../data/database.ts';
import { listLedger } from '../data/repositories/ledger.ts';
import { presentLedgerEntry } from '../presenters/ledger.ts';

/** A user's statement. */
export interface Ledger {
  /** Newest first. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<LedgerEntry>>;
}

/** Makes the list. */
export function createLedger({ db }: Pick<Database, 'db'>): Ledger {
  return {
    // By ids though it goes by `seq`, which would tell how many entries all users have.
    list: (userId, query) =>
      pageById(query, (page) => listLedger(db, { userId, ...page }), presentLedgerEntry),
  };
}
