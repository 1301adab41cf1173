import type { IdPage } from '../../base/page-by-id.ts';
import type { Permission } from '../../contracts/permissions.ts';
import { type Db, rows } from '../database.ts';
import type { RoleRecord } from '../entities/role.ts';
import type { UsageLimits } from '../entities/usage.ts';
import type { UserRecord } from '../entities/user.ts';
import { LIVE_KEY } from './api-keys.ts';
import { LIVE_FAMILY } from './refresh-tokens.ts';
import { escapeLike } from './session-filter.ts';

/** An account, as who runs the server sees it. */
export type ManagedUserRecord = Pick<
  UserRecord,
  'id' | 'email' | 'name' | 'role' | 'isActive' | 'emailVerifiedAt' | 'createdAt'
> & {
  /** What was set for this user. */
  usageLimits: UsageLimits;
  loginCount: number;
  lastLoginAt: Date | null;
};

const COLUMNS = `users.id, users.email, users.name, users.role, users.is_active AS "isActive",
  users.email_verified_at AS "emailVerifiedAt", users.created_at AS "createdAt", users.usage_limits AS "usageLimits",
  users.login_count AS "loginCount", users.last_login_at AS "lastLoginAt"`;

/** Which accounts are listed. */
export interface ManagedUserPage extends IdPage {
  role?: string | undefined;
  isActive?: boolean | undefined;
  /** Part of the address or the name, in any case. */
  search?: string | undefined;
  /** This moment included. */
  createdAfter?: Date | undefined;
  /** This moment not included. */
  createdBefore?: Date | undefined;
}

/** How far the moment in an id may lie from `created_at`: the one is of the process, the other of the database. */
const CLOCKS_DIFFER_MS = 86_400_000;

/** Accounts, newest first: by their ids, which begin with the time. */
export async function listManagedUsers(db: Db, page: ManagedUserPage): Promise<ManagedUserRecord[]> {
  const { limit, before, role, isActive, search, createdAfter, createdBefore } = page;
  const params: unknown[] = [limit];
  const conditions: string[] = [];
  const add = (value: unknown, condition: (param: string) => string) => {
    if (value !== undefined) conditions.push(condition(`$${params.push(value)}`));
  };
  add(before, (param) => `id < ${param}`);
  add(role, (param) => `role = ${param}`);
  // Written out, as the index of the deactivated ones is found only by the words themselves.
  if (isActive !== undefined) conditions.push(isActive ? 'is_active' : 'NOT is_active');
  add(
    search === undefined ? undefined : `%${escapeLike(search)}%`,
    (param) => `(email ILIKE ${param} OR name ILIKE ${param})`,
  );
  add(createdAfter, (param) => `created_at >= ${param}`);
  add(createdBefore, (param) => `created_at < ${param}`);
  // The ids lead the index to where the times are.
  add(createdAfter && firstIdAt(createdAfter.getTime() - CLOCKS_DIFFER_MS), (param) => `id >= ${param}`);
  add(createdBefore && firstIdAt(createdBefore.getTime() + CLOCKS_DIFFER_MS), (param) => `id < ${param}`);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const sql = `SELECT ${COLUMNS} FROM users ${where} ORDER BY id DESC LIMIT $1`;
  return rows<ManagedUserRecord>(db, sql, params);
}

/** An account; undefined when there is none. */
export async function findManagedUser(db: Db, id: string): Promise<ManagedUserRecord | undefined> {
  return (await rows<ManagedUserRecord>(db, `SELECT ${COLUMNS} FROM users WHERE id = $1`, [id]))[0];
}

/** An account, and what its role allows. */
export type LockedUser = ManagedUserRecord & Pick<RoleRecord, 'permissions' | 'allPermissions'>;

/** Keeps an account as it is until the transaction ends. */
export async function lockManagedUser(db: Db, id: string): Promise<LockedUser | undefined> {
  const found = await rows<LockedUser>(
    db,
    `SELECT ${COLUMNS}, permissions, all_permissions AS "allPermissions"
       FROM users JOIN roles ON roles.name = users.role WHERE id = $1 FOR NO KEY UPDATE OF users`,
    [id],
  );
  return found[0];
}

/** What an admin decides of an account. */
export type ManagedContent = Pick<ManagedUserRecord, 'id' | 'role' | 'isActive' | 'name' | 'usageLimits'>;

/** Replaces what an admin decides; only after {@link lockManagedUser}. */
export async function replaceManaged(db: Db, user: ManagedContent): Promise<ManagedUserRecord> {
  const { id, role, isActive, name, usageLimits } = user;
  const [updated] = await rows<ManagedUserRecord>(
    db,
    `UPDATE users SET role = $2, is_active = $3, name = $4, usage_limits = $5, updated_at = now()
      WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, role, isActive, name, JSON.stringify(usageLimits)],
  );
  return updated as ManagedUserRecord;
}

/** How a user can come in at this moment. */
export interface WaysIn {
  signIns: number;
  apiKeys: number;
}

/** How many sign-ins and keys of a user are good. */
export async function countWaysIn(db: Db, userId: string): Promise<WaysIn> {
  const [counts] = await rows<WaysIn>(
    db,
    `SELECT (SELECT count(*) FROM refresh_families f WHERE user_id = $1 AND ${LIVE_FAMILY})::int AS "signIns",
            (SELECT count(*) FROM api_keys WHERE user_id = $1 AND ${LIVE_KEY})::int AS "apiKeys"`,
    [userId],
  );
  return counts ?? { signIns: 0, apiKeys: 0 };
}

/** The smallest UUIDv7 of a moment, in milliseconds since 1970. */
function firstIdAt(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** Permissions that reach beyond what is one's own. */
const OVER_OTHERS: Permission[] = [
  'user.view',
  'user.manage',
  'models.manage',
  'balance.manage',
  'system.view',
  'roles.manage',
];

/** Accounts that may do something with what is not their own, by address. */
export async function listOperators(db: Db): Promise<ManagedUserRecord[]> {
  return rows<ManagedUserRecord>(
    db,
    `SELECT ${COLUMNS} FROM users JOIN roles ON roles.name = users.role
      WHERE all_permissions OR permissions ?| $1 ORDER BY lower(email)`,
    [OVER_OTHERS],
  );
}
