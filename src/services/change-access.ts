import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Permission } from '../contracts/permissions.ts';
import type { Database, Db } from '../data/database.ts';
import type { RoleRecord } from '../data/entities/role.ts';
import { findAccess, isAdminLeft, lockAccessChanges } from '../data/repositories/roles.ts';
import type { AccessDirectory } from './access.ts';
import type { Actor } from './audit.ts';
import { lacksPermission } from './identity-refusals.ts';

/** What somebody may do, or a role allows. */
export type Rights = Pick<RoleRecord, 'permissions' | 'allPermissions'>;

/** What the one who changes something may do, and by which role: null on the command line. */
export type ActorRights = Rights & { role: string | null };

/** Whose access changes. */
export interface AccessChange {
  actor: Actor;
  /** What the actor must be allowed to do. */
  permission: Permission;
  /** Undefined: of everybody who has some role. */
  userId?: string;
}

/**
 * Changes who may do what: one change after the other, by what the actor may do at that moment, and known to every
 * process afterwards.
 *
 * @throws {AppError} `forbidden` for an actor who may not; what `work` throws, and then nothing is changed
 */
export type ChangeAccess = <T>(
  change: AccessChange,
  work: (db: Db, rights: ActorRights) => Promise<T>,
) => Promise<T>;

/** Whoever sits at the server may do everything. */
const EVERYTHING: ActorRights = { role: null, permissions: [], allPermissions: true };

/** Makes the verb. Without `access`, as on the command line, other processes notice within 5 s. */
export function createChangeAccess({
  database,
  access,
  log,
}: {
  database: Pick<Database, 'transaction'>;
  access?: Pick<AccessDirectory, 'changed'>;
  log?: Logger;
}): ChangeAccess {
  return async ({ actor, permission, userId }, work) => {
    const done = await database.transaction(async (db) => {
      await lockAccessChanges(db);
      return work(db, await rightsOf(db, actor, permission));
    });
    await access?.changed(userId).catch((error: unknown) => {
      log?.warn({ err: error }, 'a change of access was not spread; others notice within 5 s');
    });
    return done;
  };
}

/**
 * What the actor may do, as the database has it: not what is remembered, as another change may have been made since.
 *
 * @throws {AppError} `forbidden` without the permission
 */
export async function rightsOf(db: Db, { userId }: Actor, permission: Permission): Promise<ActorRights> {
  if (userId === null) return EVERYTHING;
  const found = await findAccess(db, userId);
  const may = found?.isActive && (found.allPermissions || found.permissions.includes(permission));
  if (found && may) return found;
  throw lacksPermission(permission);
}

/**
 * Nobody gives, takes or touches more than he has himself.
 *
 * @param what as in `The role "auditor"`
 * @throws {AppError} `forbidden`, naming what is lacking
 */
export function requireWithin(rights: Rights, wanted: Rights, what: string): void {
  if (rights.allPermissions) return;
  const lacking = wanted.allPermissions
    ? ['all permissions']
    : wanted.permissions.filter((each) => !rights.permissions.includes(each)).map((each) => `\`${each}\``);
  if (lacking.length === 0) return;
  throw new AppError(
    'forbidden',
    `${what} allows more than your own: ${lacking.join(', ')}. Only who may do that can do this.`,
  );
}

/**
 * How much one may use oneself is for others to say, unless one may do everything. So is one's role: another one may have
 * fewer permissions, and laxer limits.
 *
 * @param changes what is to be changed of what decides one's own limits
 * @throws {AppError} `forbidden`, naming what is given
 */
export function requireNoOwnLimits({ allPermissions }: Rights, changes: Record<string, unknown>): void {
  const given = Object.keys(changes).filter((field) => changes[field] !== undefined);
  if (allPermissions || given.length === 0) return;
  throw new AppError('forbidden', 'How much you may use yourself is for somebody else to change.', {
    errors: given.map((field) => ({ path: `body.${field}`, message: 'is for somebody else to change' })),
  });
}

/**
 * There is always somebody who may do everything. To be called after a change that may have taken that from the last.
 *
 * @throws {AppError} `conflict`
 */
export async function requireAdminLeft(db: Db): Promise<void> {
  if (await isAdminLeft(db)) return;
  throw new AppError(
    'conflict',
    'After this nobody could do everything any more. Give another account such a role first.',
  );
}
