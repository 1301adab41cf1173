import { listGenerations } from '../../contracts/routes/admin-generations.ts';
import type { GenerationLog } from '../../services/generation-log.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** `/admin`: for who runs the server. */
export function adminRoutes({ generations }: { generations: GenerationLog }): RouteModule {
  return (table) => {
    mountRoute(table, listGenerations, ({ query }) => generations.list(query));
  };
}
