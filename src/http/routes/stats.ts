import { getAdminStats } from '../../contracts/routes/admin-stats.ts';
import { getAiUsage } from '../../contracts/routes/ai-usage.ts';
import { getChatStats, getUserStats } from '../../contracts/routes/stats.ts';
import type { ReadAdminStats } from '../../services/admin-stats.ts';
import type { UserStatistics } from '../../services/user-stats.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of statistics run. */
export interface StatsRouteDeps {
  userStats: UserStatistics;
  adminStats: ReadAdminStats;
}

/** `/user/stats`, `/chat/stats`, `/ai/usage` and `/admin/stats`: what was used. */
export function statsRoutes({ userStats, adminStats }: StatsRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, getUserStats, (_input, { identity }) => userStats.ofUser(identity.userId));

    mountRoute(table, getChatStats, (_input, { identity }) => userStats.ofChat(identity.userId));

    mountRoute(table, getAiUsage, (_input, { identity }) => userStats.ofWindow(identity.userId));

    mountRoute(table, getAdminStats, ({ query }) => adminStats(query));
  };
}
