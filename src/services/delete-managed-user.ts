import { notFound } from '../base/errors.ts';
import { lockManagedUser } from '../data/repositories/managed-users.ts';
import { type Actor, audit } from './audit.ts';
import { requireWithin, rightsOf } from './change-access.ts';
import type { DeleteAccount } from './delete-account.ts';

/**
 * Deletes somebody's account as its owner could, with everything in it. Whoever does must have everything that its role
 * allows.
 *
 * @throws {AppError} `not_found`; `forbidden`; `conflict` for the last account that may do everything
 */
export type DeleteManagedUser = (actor: Actor, userId: string) => Promise<void>;

/** Makes the verb. */
export function createDeleteManagedUser(deleteAccount: DeleteAccount): DeleteManagedUser {
  return async (actor, userId) => {
    const deleted = await deleteAccount({
      userId,
      approve: async (db) => {
        const rights = await rightsOf(db, actor, 'user.manage');
        const user = await lockManagedUser(db, userId);
        if (!user) throw notFound('user');
        requireWithin(rights, user, `The account of ${user.email}`);
        const { role, isActive } = user;
        const details = { before: { role, isActive } };
        await audit(db, actor, { action: 'user.delete', targetType: 'user', targetId: userId, details });
      },
    });
    if (!deleted) throw notFound('user');
  };
}
