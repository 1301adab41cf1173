import { now } from '../base/clock.ts';
import { dayOf } from '../base/days.ts';
import type { Profile, ProfileChanges } from '../contracts/routes/user.ts';
import { KEPT_KINDS } from '../contracts/session.ts';
import type { Database } from '../data/database.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { findUsageState } from '../data/repositories/accounts.ts';
import { findProfile, updateProfileRow } from '../data/repositories/profiles.ts';
import { findLastActivity, findUserUsage } from '../data/repositories/usage-stats.ts';
import { presentProfile } from '../presenters/profile.ts';
import { NOTHING_USED, presentTotals } from '../presenters/stats.ts';
import { accountGone } from './identity-refusals.ts';

/** An account, for its owner. */
export interface Profiles {
  /** @throws {AppError} `unauthenticated` when the account is not there any more */
  get(userId: string): Promise<Profile>;
  /** Changes what is given. @throws {AppError} `unauthenticated` when the account is not there any more */
  update(userId: string, changes: ProfileChanges): Promise<Profile>;
}

/** What profiles are made of. */
export interface ProfilesDeps {
  database: Pick<Database, 'db'>;
  limits: AdmissionLimits;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** Makes them, on a database. */
export function createProfiles({ database: { db }, limits, inrPerUsd }: ProfilesDeps): Profiles {
  async function get(userId: string): Promise<Profile> {
    const [row, state, usage, lastActive] = await Promise.all([
      findProfile(db, userId),
      findUsageState(db, userId, limits),
      findUserUsage(db, { userId, today: dayOf(now()), days: 0 }),
      findLastActivity(db, { userId, kinds: KEPT_KINDS }),
    ]);
    if (!row) throw accountGone();
    const total = presentTotals(usage.find(({ scope }) => scope === 'total') ?? NOTHING_USED, inrPerUsd);
    const { dailyRequests = null, monthlyRequests = null, monthlyTokens = null } = state?.limits ?? {};
    return presentProfile(row, {
      usageLimits: { dailyRequests, monthlyRequests, monthlyTokens },
      stats: {
        messagesGenerated: total.completed,
        tokensUsed: total.tokens.total,
        totalCost: total.cost,
        lastActive: lastActive?.toISOString() ?? null,
      },
    });
  }

  return {
    get,
    async update(userId, changes) {
      if (!(await updateProfileRow(db, userId, changes))) throw accountGone();
      return get(userId);
    },
  };
}
