import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { deleteOldApiKeys } from '../data/repositories/api-keys.ts';
import { closeUsage } from '../data/repositories/closed-usage.ts';
import { forgetAnswers } from '../data/repositories/idempotency.ts';
import { deleteOldMonths, deleteOldUsage, deleteOldWindows } from '../data/repositories/old-usage.ts';
import { deleteExpiredTokens } from '../data/repositories/refresh-tokens.ts';
import { forgetGoneCredentials } from '../data/repositories/revoked.ts';
import { deleteExpiredSessions } from '../data/repositories/sessions.ts';

/** How long the first answer to a repeatable request is kept, in days. */
const ANSWER_DAYS = 7;
/** How long an API key is kept, so as to be told from one that never was, after it was revoked or expired; in days. */
const KEY_DAYS = 90;
/** How long is kept which sign-ins went with their account, in days. */
const GONE_DAYS = 7;
/** How long is kept what a window of the organisation cost, in days: longer than the longest window. */
const WINDOW_DAYS = 400;
/** Rows that are deleted at once, and how often in one round: a stop of the process waits for the round. */
const USAGE_BATCH = 10_000;
const SESSION_BATCH = 1_000;
const BATCHES = 20;

/** What pruning needs. */
export interface PruneDeps {
  database: Database;
  /** How long the statistics are kept, in days; 0: for ever. */
  usageRetentionDays: number;
  log: Logger;
}

/** Adds up the days of use that are over; deletes what nobody can ask for any more, and statistics that are not to be kept. */
export type PruneRecords = () => Promise<void>;

/** Makes the verb. */
export function createPruneRecords({ database, usageRetentionDays, log }: PruneDeps): PruneRecords {
  const { db } = database;

  async function pruneUsage(): Promise<number> {
    if (usageRetentionDays === 0) return 0;
    const days = { days: usageRetentionDays, limit: USAGE_BATCH };
    const gone = await inBatches(USAGE_BATCH, () => deleteOldUsage(db, days));
    return gone + (await deleteOldMonths(db, usageRetentionDays));
  }

  return async () => {
    const answers = await forgetAnswers(db, ANSWER_DAYS);
    const tokens = (await deleteExpiredTokens(db)) + (await forgetGoneCredentials(db, GONE_DAYS));
    const keys = await deleteOldApiKeys(db, KEY_DAYS);
    const sessions = await inBatches(SESSION_BATCH, () => deleteExpiredSessions(db, SESSION_BATCH));
    const windows = await deleteOldWindows(db, WINDOW_DAYS);
    // First: what is deleted can no longer be added up.
    await database.transaction(closeUsage);
    const usageDays = await pruneUsage();
    if (answers + tokens + keys + sessions + windows + usageDays > 0) {
      log.info({ answers, tokens, keys, sessions, windows, usageDays }, 'pruned');
    }
  };
}

/** Deletes `size` at a time until nothing is left, or the round is over. @returns how many went */
async function inBatches(size: number, deleteSome: () => Promise<number>): Promise<number> {
  let gone = 0;
  for (let round = 0; round < BATCHES; round += 1) {
    const deleted = await deleteSome();
    gone += deleted;
    if (deleted < size) break;
  }
  return gone;
}
