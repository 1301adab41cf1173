import {
  createGroup,
  deleteGroup,
  listGroupSessions,
  listGroups,
  updateGroup,
} from '../../contracts/routes/groups.ts';
import type { Groups } from '../../services/groups.ts';
import type { Sessions } from '../../services/sessions.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of groups run. */
export interface GroupRouteDeps {
  groups: Groups;
  sessions: Pick<Sessions, 'listOfGroup'>;
}

/** `/groups`: folders of sessions. */
export function groupRoutes({ groups, sessions }: GroupRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, listGroups, ({ query }, { identity }) => groups.list(identity.userId, query));

    mountRoute(table, createGroup, ({ body }, { identity }) => groups.create(identity.userId, body.name));

    mountRoute(table, updateGroup, ({ params, body }, { identity }) =>
      groups.rename(identity.userId, params.id, body.name),
    );

    mountRoute(table, deleteGroup, async ({ params }, { identity }) => {
      await groups.remove(identity.userId, params.id);
    });

    mountRoute(table, listGroupSessions, ({ params, query }, { identity }) =>
      sessions.listOfGroup(identity.userId, params.id, query),
    );
  };
}
