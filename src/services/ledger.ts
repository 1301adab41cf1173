import { defineCursor } from '../base/cursor.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { idSchema } from '../contracts/fields.ts';
import type { LedgerEntry } from '../contracts/routes/ledger.ts';
import type { Database } from '../data/database.ts';
import { listLedger } from '../data/repositories/ledger.ts';
import { presentLedgerEntry } from '../presenters/ledger.ts';

/** A user's statement. */
export interface Ledger {
  /** Newest first. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<LedgerEntry>>;
}

/** Not their `seq`, which would tell how many entries all users have. */
const cursors = defineCursor(idSchema);

/** Makes the list. */
export function createLedger({ db }: Pick<Database, 'db'>): Ledger {
  return {
    async list(userId, { limit, cursor }) {
      const found = await listLedger(db, { userId, limit: limit + 1, before: cursors.decode(cursor) });
      return pageFrom(found, limit, {
        present: presentLedgerEntry,
        cursorOf: ({ id }) => cursors.encode(id),
      });
    },
  };
}
