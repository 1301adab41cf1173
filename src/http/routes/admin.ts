import { listAuditLog } from '../../contracts/routes/admin-audit-log.ts';
import { listGenerations } from '../../contracts/routes/admin-generations.ts';
import type { ReadAuditLog } from '../../services/audit-log.ts';
import type { GenerationLog } from '../../services/generation-log.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of the logs run. */
export interface AdminRouteDeps {
  generations: GenerationLog;
  auditLog: ReadAuditLog;
}

/** `/admin`: for who runs the server, what has happened. */
export function adminRoutes({ generations, auditLog }: AdminRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, listGenerations, ({ query }) => generations.list(query));

    mountRoute(table, listAuditLog, ({ query }) => auditLog(query));
  };
}
