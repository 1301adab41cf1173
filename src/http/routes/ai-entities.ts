import { deleteEntity, getEntity, putEntity } from '../../contracts/routes/ai-entities.ts';
import type { AiEntities } from '../../services/ai-entities.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** `/ai/entities`: the records of which enhancements can be told. */
export function aiEntityRoutes({ aiEntities }: { aiEntities: AiEntities }): RouteModule {
  return (table) => {
    mountRoute(table, putEntity, ({ params, body }, { identity: { userId } }) =>
      aiEntities.put({ ...params, userId }, body),
    );

    mountRoute(table, getEntity, ({ params }, { identity: { userId } }) =>
      aiEntities.get({ ...params, userId }),
    );

    mountRoute(table, deleteEntity, ({ params }, { identity: { userId } }) =>
      aiEntities.remove({ ...params, userId }),
    );
  };
}
