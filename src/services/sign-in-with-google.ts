import { AppError } from '../base/errors.ts';
import { type Database, type Db, isUniqueViolation } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { findUserByEmail, findUserByGoogleId, linkGoogleId, lockUser } from '../data/repositories/users.ts';
import type { GoogleProfile } from '../google/profile.ts';
import { type NewAccountConfig, openNewAccount } from './open-account.ts';
import type { SignIn, SignIns } from './sign-in.ts';

/**
 * Signs in whoever Google says it is: to the account that is linked, else to the one with the same e-mail address if
 * both sides have verified it (and links them), else to a new one.
 *
 * @throws {AppError} `email_not_verified` when Google has not verified the address; `email_taken` when it is that of an
 *   account which may not be this person's; `forbidden` for a deactivated account
 */
export type SignInWithGoogle = (profile: GoogleProfile, userAgent: string | null) => Promise<SignIn>;

/** What {@link createSignInWithGoogle} works with. */
export interface SignInWithGoogleDeps {
  database: Database;
  signIns: Pick<SignIns, 'open'>;
  newAccounts: NewAccountConfig;
}

/** Of two sign-ins of the same person at once one is done again. */
const TRIES = 3;

/** Makes the verb. */
export function createSignInWithGoogle(deps: SignInWithGoogleDeps): SignInWithGoogle {
  const { database, signIns, newAccounts } = deps;

  async function signIn(db: Db, profile: GoogleProfile, userAgent: string | null) {
    const user =
      (await findUserByGoogleId(db, profile.id)) ?? (await accountOfAddress(db, profile, newAccounts));
    if (!user) return undefined;
    const opened = await signIns.open(db, { userId: user.id, userAgent });
    if (opened) return opened;
    throw new AppError('forbidden', 'This account is deactivated.');
  }

  return async (profile, userAgent) => {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      try {
        const signedIn = await database.transaction((db) => signIn(db, profile, userAgent));
        if (signedIn) return signedIn;
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
      }
    }
    throw new AppError('conflict', 'This account was changed at the same moment. Begin again.');
  };
}

/** Undefined when somebody else was faster. */
async function accountOfAddress(
  db: Db,
  { id: googleId, email, emailVerified, name }: GoogleProfile,
  newAccounts: NewAccountConfig,
): Promise<UserRecord | undefined> {
  if (email === null || !emailVerified) {
    throw new AppError('email_not_verified', 'Google has not verified the e-mail address of this account.');
  }
  const found = await findUserByEmail(db, email);
  if (!found) {
    const person = { email, name, googleId, passwordHash: null, emailVerified: true };
    return openNewAccount(db, person, newAccounts);
  }
  const user = await lockUser(db, found.id);
  if (!user) return undefined;
  // The same person came twice at once, and the other was faster.
  if (user.googleId === googleId) return user;
  requireLinkable(user);
  return (await linkGoogleId(db, user.id, googleId)) ? user : undefined;
}

function requireLinkable({ emailVerifiedAt, googleId }: UserRecord): void {
  if (emailVerifiedAt === null) {
    throw new AppError(
      'email_taken',
      'There is an account with this e-mail address, which nobody has verified yet. Sign in with its password, or ' +
        'set a new one by `POST /auth/forgot-password`: that verifies it, and then Google can be used.',
    );
  }
  if (googleId === null) return;
  throw new AppError(
    'email_taken',
    'The account with this e-mail address belongs to another Google account.',
  );
}
