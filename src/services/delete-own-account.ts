import { AppError, invalidField } from '../base/errors.ts';
import type { Database } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { findUser } from '../data/repositories/users.ts';
import { countFailures } from './count-failures.ts';
import type { DeleteAccount } from './delete-account.ts';
import { accountGone } from './identity-refusals.ts';
import { isPasswordRight } from './passwords.ts';
import type { RateLimits } from './rate-limits.ts';

/** What shows that the owner means it. */
export interface DeletionProof {
  password?: string | undefined;
  /** The e-mail address, for accounts without a password. */
  confirm?: string | undefined;
}

/**
 * Deletes the account of who asks.
 *
 * @throws {AppError} `validation_failed`, `invalid_credentials`, `rate_limited`; `conflict` for the last account that may do everything;
 *   `unauthenticated` when it is gone already
 */
export type DeleteOwnAccount = (userId: string, proof: DeletionProof) => Promise<void>;

/** Makes the verb. */
export function createDeleteOwnAccount(deps: {
  database: Pick<Database, 'db'>;
  deleteAccount: DeleteAccount;
  rateLimits: Pick<RateLimits, 'login'>;
}): DeleteOwnAccount {
  return async (userId, proof) => {
    const user = await findUser(deps.database.db, userId);
    if (!user) throw accountGone();
    // Counted with the failures of signing in: a stolen access token must not be a way to guess the password.
    await countFailures(deps.rateLimits.login, user.email, () => requireProof(user, proof));
    if (!(await deps.deleteAccount({ userId }))) throw accountGone();
  };
}

async function requireProof({ passwordHash, email }: UserRecord, { password, confirm }: DeletionProof) {
  if (passwordHash === null) {
    if (confirm?.toLowerCase() === email.toLowerCase()) return;
    throw invalidField('body.confirm', 'must be the e-mail address of the account');
  }
  if (password === undefined) throw invalidField('body.password', 'is required');
  if (!(await isPasswordRight(passwordHash, password))) {
    throw new AppError('invalid_credentials', 'The password is wrong.', {
      errors: [{ path: 'body.password', message: 'is wrong' }],
    });
  }
}
