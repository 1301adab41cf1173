import {
  createRole,
  deleteRole,
  getRole,
  listRoles,
  updateRole,
} from '../../contracts/routes/admin-roles.ts';
import type { Roles } from '../../services/roles.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** `/admin/roles`: what accounts may do. */
export function adminRoleRoutes({ roles }: { roles: Roles }): RouteModule {
  return (table) => {
    mountRoute(table, listRoles, ({ query }) => roles.list(query));

    mountRoute(table, getRole, ({ params }) => roles.get(params.name));

    mountRoute(table, createRole, ({ body }, { identity: { userId }, requestId }) =>
      roles.create({ userId, requestId }, body),
    );

    mountRoute(table, updateRole, ({ params, body }, { identity: { userId }, requestId }) =>
      roles.update({ userId, requestId }, params.name, body),
    );

    mountRoute(table, deleteRole, ({ params }, { identity: { userId }, requestId }) =>
      roles.remove({ userId, requestId }, params.name),
    );
  };
}
