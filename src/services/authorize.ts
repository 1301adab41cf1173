import { AppError } from '../base/errors.ts';
import type { Permission } from '../contracts/permissions.ts';
import type { Database } from '../data/database.ts';
import { findUser } from '../data/repositories/users.ts';
import type { Identity } from './identity.ts';

/**
 * Makes sure that who asks may do something, by the role that the account has now: a token is older than that.
 *
 * @throws {AppError} `forbidden`
 */
export type Authorize = (identity: Pick<Identity, 'userId'>, permission: Permission) => Promise<void>;

/** The role that may do everything. */
export const ADMIN_ROLE = 'admin';

/** Makes the check. */
export function createAuthorize({ database }: { database: Pick<Database, 'db'> }): Authorize {
  return async ({ userId }, permission) => {
    const user = await findUser(database.db, userId);
    if (user?.isActive && user.role === ADMIN_ROLE) return;
    throw new AppError(
      'forbidden',
      `This needs the permission \`${permission}\`, which your account does not have.`,
    );
  };
}
