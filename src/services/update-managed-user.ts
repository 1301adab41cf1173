import { invalidField, notFound } from '../base/errors.ts';
import type { ManagedUser, UpdateUserBody } from '../contracts/routes/admin-users.ts';
import type { Db } from '../data/database.ts';
import { revokeApiKeysOf } from '../data/repositories/api-keys.ts';
import {
  type LockedUser,
  lockManagedUser,
  type ManagedContent,
  replaceManaged,
} from '../data/repositories/managed-users.ts';
import { revokeOtherFamilies } from '../data/repositories/refresh-tokens.ts';
import { findRole } from '../data/repositories/roles.ts';
import { presentManagedUser } from '../presenters/managed-user.ts';
import { type Actor, audit, differences } from './audit.ts';
import {
  type ChangeAccess,
  type Rights,
  requireAdminLeft,
  requireNoOwnLimits,
  requireWithin,
} from './change-access.ts';
import { givenLimits } from './given-limits.ts';
import type { Revocations } from './revocations.ts';
import type { StopUser } from './stop-user.ts';

/**
 * Changes an account. Whoever does must have everything that its role allows, before and after, and leaves his own role
 * and limits alone. A deactivated account is signed out everywhere, its keys are revoked and its replies stopped.
 *
 * @throws {AppError} `not_found`; `validation_failed` for a role that there is not; `forbidden`; `conflict` when nobody
 *   could do everything any more
 */
export type UpdateManagedUser = (
  actor: Actor,
  userId: string,
  changes: UpdateUserBody,
) => Promise<ManagedUser>;

/** What {@link createUpdateManagedUser} works with. */
export interface UpdateManagedUserDeps {
  changeAccess: ChangeAccess;
  /** Left out on the command line: other processes find out within 5 s. */
  revocations?: Pick<Revocations, 'announce'>;
  /** Left out on the command line, which deactivates nobody. */
  stopUser?: StopUser;
}

const permission = 'user.manage';

/** Makes the verb. */
export function createUpdateManagedUser(deps: UpdateManagedUserDeps): UpdateManagedUser {
  const { changeAccess, revocations, stopUser } = deps;

  return async (actor, userId, changes) => {
    const { shown, revoked } = await changeAccess({ actor, permission, userId }, async (db, rights) => {
      const before = await lockManagedUser(db, userId);
      if (!before) throw notFound('user');
      requireWithin(rights, before, `The account of ${before.email}`);
      if (changes.role !== undefined) await requireGrantable(db, rights, changes.role);
      if (actor.userId === userId) requireNoOwnLimits(rights, pickLimiting(changes));
      return change(db, actor, { before, after: withChanges(before, changes) });
    });
    if (revoked) await revocations?.announce(revoked);
    // Also of one that was inactive before: it may be asked again because this failed.
    if (changes.isActive === false) await stopUser?.(userId);
    return shown;
  };
}

async function change(
  db: Db,
  actor: Actor,
  { before, after }: { before: LockedUser; after: ManagedContent },
) {
  const changed = differences(contentOf(before), contentOf(after));
  if (!changed) return { shown: presentManagedUser(withoutRights(before)) };
  const user = await replaceManaged(db, after);
  if (before.allPermissions) await requireAdminLeft(db);
  const revoked = before.isActive && !after.isActive ? await revokeAllOf(db, user.id) : undefined;
  await audit(db, actor, { action: 'user.update', targetType: 'user', targetId: user.id, details: changed });
  return { shown: presentManagedUser(user), revoked };
}

/** Signs a user out everywhere. Answers the ids of the sign-ins and keys that were good until now. */
async function revokeAllOf(db: Db, userId: string): Promise<string[]> {
  const families = await revokeOtherFamilies(db, { userId, except: null });
  return [...families, ...(await revokeApiKeysOf(db, userId))];
}

async function requireGrantable(db: Db, rights: Rights, name: string): Promise<void> {
  const role = await findRole(db, name);
  if (!role) throw invalidField('body.role', 'is not a role of this server; GET /admin/roles lists them');
  requireWithin(rights, role, `The role "${name}"`);
}

/** What of the changes decides how much an account may use. */
const pickLimiting = ({ role, usageLimits }: UpdateUserBody) => ({ role, usageLimits });

function withChanges(before: ManagedContent, changes: UpdateUserBody): ManagedContent {
  const { role, isActive, name, usageLimits } = changes;
  return {
    id: before.id,
    role: role ?? before.role,
    isActive: isActive ?? before.isActive,
    name: name === undefined ? before.name : name,
    usageLimits: usageLimits === undefined ? before.usageLimits : givenLimits(usageLimits ?? {}),
  };
}

/** What of an account is written down. */
const contentOf = ({ role, isActive, name, usageLimits }: ManagedContent) => ({
  role,
  isActive,
  name,
  usageLimits,
});

function withoutRights({ permissions: _permissions, allPermissions: _all, ...user }: LockedUser) {
  return user;
}
