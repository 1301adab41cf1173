import { type Db, rows } from '../database.ts';
import type { RoleRecord } from '../entities/role.ts';
import type { UserRecord } from '../entities/user.ts';

/** What an account is and may do. A role that is not there any more allows nothing. */
export type AccessRow = Pick<UserRecord, 'role' | 'isActive'> &
  Pick<RoleRecord, 'permissions' | 'allPermissions'>;

/** Of an account; undefined when there is none. */
export async function findAccess(db: Db, userId: string): Promise<AccessRow | undefined> {
  const found = await rows<AccessRow>(
    db,
    `SELECT users.role, is_active AS "isActive", coalesce(permissions, '[]') AS permissions,
            coalesce(all_permissions, false) AS "allPermissions"
       FROM users LEFT JOIN roles ON roles.name = users.role WHERE users.id = $1`,
    [userId],
  );
  return found[0];
}
