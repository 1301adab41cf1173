import { createApiKey, listApiKeys, revokeApiKey } from '../../contracts/routes/api-keys.ts';
import type { ApiKeys } from '../../services/api-keys.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** `/user/api-keys`: what programs sign in with. */
export function apiKeyRoutes({ apiKeys }: { apiKeys: ApiKeys }): RouteModule {
  return (table) => {
    mountRoute(table, createApiKey, ({ body }, { identity }) => apiKeys.create(identity, body));

    mountRoute(table, listApiKeys, ({ query }, { identity }) => apiKeys.list(identity.userId, query));

    mountRoute(table, revokeApiKey, async ({ params }, { identity }) => {
      await apiKeys.revoke(identity.userId, params.keyId);
    });
  };
}
