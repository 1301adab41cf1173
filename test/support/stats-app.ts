import { newId } from '../../src/base/ids.ts';
import type { Database } from '../../src/data/database.ts';
import { rows } from '../../src/data/database.ts';
import type { AdmissionLimits } from '../../src/data/entities/usage.ts';
import { statsRoutes } from '../../src/http/routes/stats.ts';
import { createAccessTokens } from '../../src/services/access-tokens.ts';
import { createAdminStats } from '../../src/services/admin-stats.ts';
import { createUserStatistics } from '../../src/services/user-stats.ts';
import { startTestApp, TEST_JWT_SECRET } from './http-app.ts';
import { NO_LIMITS } from './limits.ts';
import { RestClient } from './rest-client.ts';

/** The routes of statistics over HTTP. */
export interface StatsApp {
  /** The requests of an account that is there. */
  as(userId: string): RestClient;
  /** Those of a new admin. */
  admin(): Promise<RestClient>;
  close(): Promise<void>;
}

/** Rupees per US dollar. */
export const INR_PER_USD = 88;

/** Starts it. The database stays open when it is closed. */
export async function startStatsApp(
  database: Database,
  limits: AdmissionLimits = NO_LIMITS,
): Promise<StatsApp> {
  const app = await startTestApp({
    database,
    routes: [
      statsRoutes({
        userStats: createUserStatistics({ database, limits, inrPerUsd: INR_PER_USD }),
        adminStats: createAdminStats({ database, inrPerUsd: INR_PER_USD }),
      }),
    ],
  });
  const accessTokens = createAccessTokens({ secret: TEST_JWT_SECRET, minutes: 15 });
  const as = (userId: string) => {
    const { token } = accessTokens.issue({ id: userId, role: 'user' }, newId());
    return new RestClient({ url: app.url, userId, token });
  };
  return {
    as,
    async admin() {
      const id = newId();
      await rows(database.db, `INSERT INTO users (id, email, role) VALUES ($1::uuid, $1::text, 'admin')`, [
        id,
      ]);
      return as(id);
    },
    close: () => app.close(),
  };
}
