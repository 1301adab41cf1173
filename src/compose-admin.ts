import type { Core } from './compose.ts';
import type { RouteModule } from './http/route-table.ts';
import { adminRoutes } from './http/routes/admin.ts';
import { adminRoleRoutes } from './http/routes/admin-roles.ts';
import { adminUserRoutes } from './http/routes/admin-users.ts';
import type { AccessDirectory } from './services/access.ts';
import { createAuditLog } from './services/audit-log.ts';
import { createChangeAccess } from './services/change-access.ts';
import type { DeleteAccount } from './services/delete-account.ts';
import { createDeleteManagedUser } from './services/delete-managed-user.ts';
import { createGenerationLog } from './services/generation-log.ts';
import { createManagedUsers } from './services/managed-users.ts';
import type { Revocations } from './services/revocations.ts';
import { createRoles } from './services/roles.ts';
import type { StopGeneration } from './services/stop-generation.ts';
import { createStopUser } from './services/stop-user.ts';
import { createUpdateManagedUser } from './services/update-managed-user.ts';

/** What the web process gives to administration. */
export interface AdminParts {
  access: AccessDirectory;
  revocations: Revocations;
  stopSession: StopGeneration['stopSession'];
  deleteAccount: DeleteAccount;
}

/** Builds `/admin`: roles, accounts and what was done. */
export function composeAdmin(core: Core, parts: AdminParts): RouteModule[] {
  const { config, log, resources, inrPerUsd, limits } = core;
  const { database } = resources;
  const { access, revocations, stopSession, deleteAccount } = parts;
  const changeAccess = createChangeAccess({ database, access, log });
  return [
    adminRoutes({
      generations: createGenerationLog({ database, inrPerUsd }),
      auditLog: createAuditLog(database),
    }),
    adminRoleRoutes({ roles: createRoles({ database, changeAccess, defaultRole: config.DEFAULT_ROLE }) }),
    adminUserRoutes({
      managedUsers: createManagedUsers({ database, limits }),
      updateUser: createUpdateManagedUser({
        changeAccess,
        revocations,
        stopUser: createStopUser({ database, stopSession }),
      }),
      deleteUser: createDeleteManagedUser(deleteAccount),
    }),
  ];
}
