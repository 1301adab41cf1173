import { getBalance } from '../../contracts/routes/balance.ts';
import type { Database } from '../../data/database.ts';
import { findAccount } from '../../data/repositories/accounts.ts';
import { presentBalance } from '../../presenters/balance.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What an account that was never opened holds. */
const NOTHING = { balance: '0', held: '0' };

/** `/v1/balance`: a user's credits. */
export function balanceRoutes({ database }: { database: Pick<Database, 'db'> }): RouteModule {
  return (table) => {
    mountRoute(table, getBalance, async (_input, { identity }) =>
      presentBalance((await findAccount(database.db, identity.userId)) ?? NOTHING),
    );
  };
}
