import { ADVISORY_LOCKS } from '../advisory-locks.ts';
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

/** A role, and whether anybody has it. */
export type RoleView = RoleRecord & { inUse: boolean };

const COLUMNS = `name, permissions, all_permissions AS "allPermissions", built_in AS "builtIn",
  usage_limits AS "usageLimits", created_at AS "createdAt", updated_at AS "updatedAt",
  EXISTS (SELECT FROM users WHERE users.role = roles.name) AS "inUse"`;

/** Roles by name. `after`: only those that come after this one. */
export async function listRoles(
  db: Db,
  { limit, after = '' }: { limit: number; after?: string | undefined },
): Promise<RoleView[]> {
  // By code point, whatever the locale of the database.
  return rows<RoleView>(
    db,
    `SELECT ${COLUMNS} FROM roles WHERE name COLLATE "C" > $2 ORDER BY name COLLATE "C" LIMIT $1`,
    [limit, after],
  );
}

/** A role; undefined when there is none of that name. */
export async function findRole(db: Db, name: string): Promise<RoleView | undefined> {
  return (await rows<RoleView>(db, `SELECT ${COLUMNS} FROM roles WHERE name = $1`, [name]))[0];
}

/** What an admin decides of a role. */
export type RoleContent = Pick<RoleRecord, 'name' | 'permissions' | 'allPermissions' | 'usageLimits'>;

/** Stores a role; undefined when the name is taken. */
export async function insertRole(db: Db, role: RoleContent): Promise<RoleView | undefined> {
  const inserted = await rows<RoleView>(
    db,
    `INSERT INTO roles (name, permissions, all_permissions, usage_limits) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO NOTHING RETURNING ${COLUMNS}`,
    toParams(role),
  );
  return inserted[0];
}

/** Replaces what a role allows; undefined when there is none of that name. */
export async function replaceRole(db: Db, role: RoleContent): Promise<RoleView | undefined> {
  const updated = await rows<RoleView>(
    db,
    `UPDATE roles SET permissions = $2, all_permissions = $3, usage_limits = $4, updated_at = now()
      WHERE name = $1 RETURNING ${COLUMNS}`,
    toParams(role),
  );
  return updated[0];
}

/** Deletes a role. @throws a foreign key violation when somebody has it */
export async function deleteRoleRow(db: Db, name: string): Promise<void> {
  await rows(db, 'DELETE FROM roles WHERE name = $1', [name]);
}

/**
 * Lets one change of who may do what happen after the other, until the transaction ends: two admins who demote each
 * other at once must not both succeed.
 */
export async function lockAccessChanges(db: Db): Promise<void> {
  await rows(db, 'SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCKS.access]);
}

/** Whether there is an active account that may do everything. */
export async function isAdminLeft(db: Db): Promise<boolean> {
  const found = await rows(
    db,
    'SELECT FROM users JOIN roles ON roles.name = users.role WHERE all_permissions AND is_active LIMIT 1',
  );
  return found.length > 0;
}

function toParams({ name, permissions, allPermissions, usageLimits }: RoleContent): unknown[] {
  return [name, JSON.stringify(permissions), allPermissions, JSON.stringify(usageLimits)];
}
