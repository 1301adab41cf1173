import { getBalance, refundGeneration, setBalance } from '../../contracts/routes/balance.ts';
import { listLedger } from '../../contracts/routes/ledger.ts';
import type { Database } from '../../data/database.ts';
import { findAccount } from '../../data/repositories/accounts.ts';
import { presentBalance } from '../../presenters/balance.ts';
import type { AdjustBalance } from '../../services/adjust-balance.ts';
import type { Ledger } from '../../services/ledger.ts';
import type { RefundGeneration } from '../../services/refund-generation.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What an account that was never opened holds. */
const NOTHING = { balance: '0', held: '0' };

/** What the routes of credits run. */
export interface BalanceRouteDeps {
  database: Pick<Database, 'db'>;
  ledger: Ledger;
  adjustBalance: AdjustBalance;
  refundGeneration: RefundGeneration;
}

/** Credits: what a user has, what moved it, and how an admin moves it. */
export function balanceRoutes(services: BalanceRouteDeps): RouteModule {
  const { database, ledger } = services;
  return (table) => {
    mountRoute(table, getBalance, async (_input, { identity }) =>
      presentBalance((await findAccount(database.db, identity.userId)) ?? NOTHING),
    );

    mountRoute(table, listLedger, ({ query }, { identity }) => ledger.list(identity.userId, query));

    mountRoute(table, setBalance, ({ body }, { identity: { userId }, requestId, headers }) =>
      services.adjustBalance({ userId, requestId }, body, idempotencyKey(headers)),
    );

    mountRoute(table, refundGeneration, ({ params, body }, { identity: { userId }, requestId, headers }) =>
      services.refundGeneration(
        { userId, requestId },
        { generationId: params.id, ...body },
        idempotencyKey(headers),
      ),
    );
  };
}
