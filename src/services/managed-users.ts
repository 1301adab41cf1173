import { notFound } from '../base/errors.ts';
import type { Page } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
import type { ListUsersQuery, ManagedUser, ManagedUserDetails } from '../contracts/routes/admin-users.ts';
import { KEPT_KINDS } from '../contracts/session.ts';
import type { Database } from '../data/database.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { findUsageState } from '../data/repositories/accounts.ts';
import { countWaysIn, findManagedUser, listManagedUsers } from '../data/repositories/managed-users.ts';
import { findLastActivity, sumSessions } from '../data/repositories/usage-stats.ts';
import { presentBalance } from '../presenters/balance.ts';
import { presentManagedUser } from '../presenters/managed-user.ts';
import { presentLimits } from '../presenters/stats.ts';

/** Accounts, as who runs the server sees them. */
export interface ManagedUsers {
  /** Newest first. @throws {AppError} `validation_failed` for a bad cursor */
  list(query: ListUsersQuery): Promise<Page<ManagedUser>>;
  /** @throws {AppError} `not_found` */
  get(userId: string): Promise<ManagedUserDetails>;
}

/** Makes the lists. */
export function createManagedUsers({
  database: { db },
  limits,
}: {
  database: Pick<Database, 'db'>;
  limits: AdmissionLimits;
}): ManagedUsers {
  return {
    list: ({ cursor, limit, ...filter }) =>
      pageById({ cursor, limit }, (page) => listManagedUsers(db, { ...filter, ...page }), presentManagedUser),

    async get(userId) {
      const user = await findManagedUser(db, userId);
      const state = user && (await findUsageState(db, userId, limits));
      if (!user || !state) throw notFound('user');
      return {
        ...presentManagedUser(user),
        limits: presentLimits(state),
        balance: presentBalance(state),
        lastActivityAt: (await findLastActivity(db, { userId, kinds: KEPT_KINDS }))?.toISOString() ?? null,
        counts: {
          ...(await sumSessions(db, { userId, kinds: KEPT_KINDS })),
          runningGenerations: state.running,
          ...(await countWaysIn(db, userId)),
        },
      };
    },
  };
}
