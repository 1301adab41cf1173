import { getSystem } from '../../contracts/routes/admin-system.ts';
import type { SystemReporter } from '../../services/system-state.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** How the installation is, for who runs it. */
export function adminSystemRoutes({ system }: { system: Pick<SystemReporter, 'report'> }): RouteModule {
  return (table) => {
    mountRoute(table, getSystem, () => system.report());
  };
}
