import { newId } from '../../src/base/ids.ts';
import type { Database } from '../../src/data/database.ts';
import type { AdmissionLimits } from '../../src/data/entities/usage.ts';
import { openAccount } from '../../src/data/repositories/accounts.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import type { HoldRules } from '../../src/services/plan-replies.ts';
import type { RateLimit } from '../../src/services/rate-limits.ts';

/** For tests that are not about limits. */
export const NO_LIMITS: AdmissionLimits = {
  window: { seconds: 86_400, requests: undefined, tokens: undefined, orgCostUsd: undefined },
  maxRunning: 1_000,
  byRole: false,
};

/** For tests that are not about rate limits. */
export const NO_RATE_LIMIT: RateLimit = {
  async count() {},
  read: async () => undefined,
  async giveBack() {},
  async forget() {},
};

/** What is set aside where a test does not say otherwise. */
export const HOLDS: HoldRules = { reserveTokens: 100, minutes: 60 };

/** More credits than a test uses. */
export const PLENTY = '1000000';

/** Opens the account of a user, with credits. */
export async function openTestAccount(
  database: Pick<Database, 'transaction'>,
  userId: string,
  credits = PLENTY,
): Promise<void> {
  await database.transaction(async (db) => {
    await openAccount(db, userId);
    if (Number(credits) !== 0) await postEntry(db, { id: newId(), userId, kind: 'grant', amount: credits });
  });
}
