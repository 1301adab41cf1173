import { getBalance, refundGeneration, setBalance } from '../../contracts/routes/balance.ts';
import { listLedger } from '../../contracts/routes/ledger.ts';
import type { AdjustBalance } from '../../services/adjust-balance.ts';
import type { Ledger } from '../../services/ledger.ts';
import type { ReadBalance } from '../../services/read-balance.ts';
import type { RefundGeneration } from '../../services/refund-generation.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of credits run. */
export interface BalanceRouteDeps {
  readBalance: ReadBalance;
  ledger: Ledger;
  adjustBalance: AdjustBalance;
  refundGeneration: RefundGeneration;
}

/** Credits: what a user has, what moved it, and how an admin moves it. */
export function balanceRoutes(services: BalanceRouteDeps): RouteModule {
  const { readBalance, ledger } = services;
  return (table) => {
    mountRoute(table, getBalance, (_input, { identity }) => readBalance(identity.userId));

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
