import { updateModel } from '../../contracts/routes/admin-models.ts';
import {
  getModel,
  listCategoryModels,
  listModelCategories,
  listModelProviders,
  listModels,
  syncModels,
} from '../../contracts/routes/models.ts';
import type { Models } from '../../services/models.ts';
import type { SyncModels } from '../../services/sync-models.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of models run. */
export interface ModelRouteDeps {
  models: Models;
  syncModels: Pick<SyncModels, 'syncAll'>;
}

/** `/models`: the catalogue. The wildcard comes last: an id may be anything that no other path is. */
export function modelRoutes({ models, ...sync }: ModelRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, listModels, ({ query }) => models.list(query));

    mountRoute(table, listCategoryModels, ({ params, query }) => models.list({ ...query, ...params }));

    mountRoute(table, listModelProviders, ({ query }) => models.providers(query));

    mountRoute(table, listModelCategories, ({ query }) => models.categories(query));

    mountRoute(table, getModel, ({ params }) => models.get(params.modelId));

    mountRoute(table, syncModels, (_input, { identity: { userId }, requestId }) =>
      sync.syncModels.syncAll({ userId, requestId }),
    );

    mountRoute(table, updateModel, ({ params, body }, { identity: { userId }, requestId }) =>
      models.override({ userId, requestId }, params.modelId, body),
    );
  };
}
