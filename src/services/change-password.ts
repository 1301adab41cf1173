import { AppError } from '../base/errors.ts';
import type { Database } from '../data/database.ts';
import { deletePasswordResets } from '../data/repositories/password-resets.ts';
import { revokeOtherFamilies } from '../data/repositories/refresh-tokens.ts';
import { findUser, replacePassword } from '../data/repositories/users.ts';
import { countFailures } from './count-failures.ts';
import type { Identity } from './identity.ts';
import { accountGone } from './identity-refusals.ts';
import { hashPassword, isPasswordRight } from './passwords.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Revocations } from './revocations.ts';

/** A wish for another password. */
export interface PasswordChange {
  identity: Pick<Identity, 'userId' | 'familyId'>;
  currentPassword: string;
  newPassword: string;
}

/**
 * Changes the password of whoever is signed in. All other sign-ins of the account are revoked, everywhere and at once, and
 * so are links that were mailed; this sign-in goes on, and so do API keys: programs did not know the password.
 *
 * @throws {AppError} `invalid_credentials` for a wrong current password, `rate_limited` after too many of them (they
 *   count together with those of signing in), `conflict` for an account that has none
 */
export type ChangePassword = (change: PasswordChange) => Promise<void>;

/** What {@link createChangePassword} works with. */
export interface ChangePasswordDeps {
  database: Database;
  revocations: Pick<Revocations, 'announce'>;
  rateLimits: Pick<RateLimits, 'login'>;
}

/** Makes the verb. */
export function createChangePassword(deps: ChangePasswordDeps): ChangePassword {
  const { database, revocations, rateLimits } = deps;
  return async ({ identity: { userId, familyId }, currentPassword, newPassword }) => {
    const user = await findUser(database.db, userId);
    if (!user) throw accountGone();
    const from = user.passwordHash;
    if (from === null) {
      throw new AppError(
        'conflict',
        'This account has no password yet. `POST /auth/forgot-password` sends a link to set one.',
      );
    }
    await countFailures(rateLimits.login, user.email, () => requireRight(from, currentPassword));

    const to = await hashPassword(newPassword);
    const revoked = await database.transaction(async (db) => {
      if (!(await replacePassword(db, { id: userId, from, to }))) return undefined;
      await deletePasswordResets(db, userId);
      return revokeOtherFamilies(db, { userId, except: familyId });
    });
    if (!revoked) throw new AppError('conflict', 'The password has been changed meanwhile.');
    await revocations.announce(revoked);
  };
}

async function requireRight(passwordHash: string, password: string): Promise<void> {
  if (await isPasswordRight(passwordHash, password)) return;
  throw new AppError('invalid_credentials', 'The current password is wrong.', {
    errors: [{ path: 'body.currentPassword', message: 'is wrong' }],
  });
}
