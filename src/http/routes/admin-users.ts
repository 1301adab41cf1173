import { deleteUser, getManagedUser, listUsers, updateUser } from '../../contracts/routes/admin-users.ts';
import type { DeleteManagedUser } from '../../services/delete-managed-user.ts';
import type { ManagedUsers } from '../../services/managed-users.ts';
import type { UpdateManagedUser } from '../../services/update-managed-user.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of accounts run. */
export interface AdminUserRouteDeps {
  managedUsers: ManagedUsers;
  updateUser: UpdateManagedUser;
  deleteUser: DeleteManagedUser;
}

/** `/admin/users`: accounts, for who runs the server. */
export function adminUserRoutes({ managedUsers, ...verbs }: AdminUserRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, listUsers, ({ query }) => managedUsers.list(query));

    mountRoute(table, getManagedUser, ({ params }) => managedUsers.get(params.userId));

    mountRoute(table, updateUser, ({ params, body }, { identity, requestId }) =>
      verbs.updateUser({ userId: identity.userId, requestId }, params.userId, body),
    );

    mountRoute(table, deleteUser, ({ params }, { identity, requestId }) =>
      verbs.deleteUser({ userId: identity.userId, requestId }, params.userId),
    );
  };
}
