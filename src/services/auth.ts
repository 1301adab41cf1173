import { AppError } from '../base/errors.ts';
import type { Database } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { findUser, findUserByEmail } from '../data/repositories/users.ts';
import { countFailures } from './count-failures.ts';
import type { Identity } from './identity.ts';
import { accountGone } from './identity-refusals.ts';
import { type NewAccountConfig, openNewAccount } from './open-account.ts';
import { hashPassword, isPasswordRight } from './passwords.ts';
import type { RateLimits } from './rate-limits.ts';
import type { RefreshSecrets } from './refresh-secrets.ts';
import type { Revocations } from './revocations.ts';
import { rotateRefreshToken } from './rotate-refresh-token.ts';
import type { SignIn, SignIns } from './sign-in.ts';

/** What signing up takes. */
export interface Registration {
  email: string;
  password: string;
  name?: string | undefined;
  /** The User-Agent, for the list of devices. */
  userAgent: string | null;
}

/** What signing in takes. */
export type Credentials = Pick<Registration, 'email' | 'password' | 'userAgent'>;

/** Accounts and their sign-ins. */
export interface Auth {
  /** @throws {AppError} `email_taken` */
  register(registration: Registration): Promise<SignIn>;
  /**
   * @throws {AppError} `invalid_credentials`, the same and as slow whatever is wrong; `rate_limited` after too many of
   *   them, for addresses with and without an account alike
   */
  login(credentials: Credentials): Promise<SignIn>;
  /** @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked` */
  refresh(refreshToken: string): Promise<SignIn>;
  /** Revokes this sign-in, everywhere and at once. */
  logout(identity: Identity): Promise<void>;
  /** @throws {AppError} `unauthenticated` when the account is not there any more */
  getUser(identity: Pick<Identity, 'userId'>): Promise<UserRecord>;
}

/** What {@link createAuth} works with. */
export interface AuthDeps {
  database: Database;
  signIns: SignIns;
  revocations: Revocations;
  secrets: RefreshSecrets;
  rateLimits: Pick<RateLimits, 'login'>;
  refreshTokenDays: number;
  newAccounts: NewAccountConfig;
}

/** Signing up, in and out. */
export function createAuth(deps: AuthDeps): Auth {
  const { database, signIns, revocations, rateLimits, newAccounts } = deps;

  async function tryPassword({ email, password, userAgent }: Credentials): Promise<SignIn> {
    const user = await findUserByEmail(database.db, email);
    const passwordHash = user?.passwordHash ?? null;
    const isRight = await isPasswordRight(passwordHash, password);
    if (user && passwordHash !== null && isRight) {
      const signIn = { userId: user.id, passwordHash, userAgent };
      const signedIn = await database.transaction((db) => signIns.open(db, signIn));
      if (signedIn) return signedIn;
    }
    throw new AppError(
      'invalid_credentials',
      'The e-mail address or the password is wrong, or the account is deactivated.',
    );
  }

  return {
    async register({ email, password, name = null, userAgent }) {
      const passwordHash = await hashPassword(password);
      const person = { email, name, passwordHash, googleId: null, emailVerified: false };
      const registered = await database.transaction(async (db) => {
        const user = await openNewAccount(db, person, newAccounts);
        return user && signIns.open(db, { userId: user.id, userAgent });
      });
      if (registered) return registered;
      throw new AppError('email_taken', 'The e-mail address is already registered. Sign in instead.', {
        errors: [{ path: 'body.email', message: 'is already registered' }],
      });
    },

    login: (credentials) =>
      countFailures(rateLimits.login, credentials.email, () => tryPassword(credentials)),

    refresh: async (refreshToken) => signIns.resume(await rotateRefreshToken(deps, refreshToken)),

    logout: ({ familyId }) => revocations.revoke(familyId),

    async getUser({ userId }) {
      const user = await findUser(database.db, userId);
      if (user) return user;
      throw accountGone();
    },
  };
}
