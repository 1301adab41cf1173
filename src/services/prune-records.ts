import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { forgetAnswers } from '../data/repositories/idempotency.ts';
import { deleteExpiredTokens } from '../data/repositories/refresh-tokens.ts';

/** How long the first answer to a repeatable request is kept, in days. */
const ANSWER_DAYS = 7;

/** Deletes what nobody can ask for any more. */
export type PruneRecords = () => Promise<void>;

/** Makes the verb. */
export function createPruneRecords({ database, log }: { database: Database; log: Logger }): PruneRecords {
  return async () => {
    const answers = await forgetAnswers(database.db, ANSWER_DAYS);
    const tokens = await deleteExpiredTokens(database.db);
    if (answers + tokens > 0) log.info({ answers, tokens }, 'pruned');
  };
}
