import type { Metrics } from '../../base/metrics.ts';
import { getMetrics } from '../../contracts/routes/system.ts';
import type { RequireMetricsAccess } from '../metrics-access.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What Prometheus reads. */
export function metricsRoutes({
  metrics,
  requireAccess,
}: {
  metrics: Pick<Metrics, 'text'>;
  requireAccess: RequireMetricsAccess;
}): RouteModule {
  return (table) => {
    mountRoute(table, getMetrics, async (_input, { ctx }) => {
      requireAccess(ctx.req);
      ctx.body = await metrics.text();
    });
  };
}
