import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Database, Db } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { openAccount } from '../data/repositories/accounts.ts';
import { postEntry } from '../data/repositories/ledger.ts';
import { findUser, findUserByEmail, insertUser } from '../data/repositories/users.ts';
import type { AccessTokens } from './access-tokens.ts';
import { ADMIN_ROLE } from './authorize.ts';
import type { Identity } from './identity.ts';
import { hashPassword, isPasswordRight } from './passwords.ts';
import type { RefreshSecrets } from './refresh-secrets.ts';
import type { Revocations } from './revocations.ts';
import { rotateRefreshToken } from './rotate-refresh-token.ts';
import { openRefreshFamily, type SignIn } from './sign-in.ts';

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
  /** @throws {AppError} `invalid_credentials`, the same and as slow whatever is wrong */
  login(credentials: Credentials): Promise<SignIn>;
  /** @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked` */
  refresh(refreshToken: string): Promise<SignIn>;
  /** Revokes this sign-in, everywhere and at once. */
  logout(identity: Identity): Promise<void>;
  /** @throws {AppError} `unauthenticated` when the account is not there any more */
  getUser(identity: Identity): Promise<UserRecord>;
}

/** What {@link createAuth} works with. */
export interface AuthDeps {
  database: Database;
  accessTokens: AccessTokens;
  revocations: Revocations;
  secrets: RefreshSecrets;
  config: Pick<Config, 'WELCOME_CREDITS' | 'REFRESH_TOKEN_DAYS' | 'ADMIN_EMAIL' | 'DEFAULT_ROLE'>;
}

/** Signing up, in and out. */
export function createAuth({ database, accessTokens, revocations, secrets, config }: AuthDeps): Auth {
  const refreshTokenDays = config.REFRESH_TOKEN_DAYS;

  async function signIn(db: Db, user: UserRecord, userAgent: string | null): Promise<SignIn> {
    const settings = { userId: user.id, userAgent, refreshTokenDays, secrets };
    const { familyId, refreshToken } = await openRefreshFamily(db, settings);
    return toSignIn({ user, familyId, refreshToken });
  }

  function toSignIn(opened: { user: UserRecord; familyId: string; refreshToken: string }): SignIn {
    const { user, familyId, refreshToken } = opened;
    const { token, expiresInSeconds } = accessTokens.issue(user, familyId);
    return { user, accessToken: token, expiresInSeconds, refreshToken };
  }

  return {
    async register({ email, password, name = null, userAgent }) {
      const passwordHash = await hashPassword(password);
      const role = isSameEmail(email, config.ADMIN_EMAIL) ? ADMIN_ROLE : config.DEFAULT_ROLE;
      const registered = await database.transaction(async (db) => {
        const user = await insertUser(db, { id: newId(), email, name, passwordHash, role });
        if (!user) return undefined;
        await openAccount(db, user.id);
        await grantWelcome(db, user.id, config.WELCOME_CREDITS);
        return signIn(db, user, userAgent);
      });
      if (registered) return registered;
      throw new AppError('email_taken', 'The e-mail address is already registered. Sign in instead.', {
        errors: [{ path: 'body.email', message: 'is already registered' }],
      });
    },

    async login({ email, password, userAgent }) {
      const user = await findUserByEmail(database.db, email);
      const right = await isPasswordRight(user?.passwordHash ?? null, password);
      if (user?.isActive && right) return database.transaction((db) => signIn(db, user, userAgent));
      throw new AppError(
        'invalid_credentials',
        'The e-mail address or the password is wrong, or the account is deactivated.',
      );
    },

    async refresh(refreshToken) {
      return toSignIn(
        await rotateRefreshToken({ database, secrets, revocations, refreshTokenDays }, refreshToken),
      );
    },

    logout: ({ familyId }) => revocations.revoke(familyId),

    async getUser({ userId }) {
      const user = await findUser(database.db, userId);
      if (user) return user;
      throw new AppError('unauthenticated', 'The account of this token is not there any more.');
    },
  };
}

function isSameEmail(email: string, other: string | undefined): boolean {
  return other !== undefined && email.toLowerCase() === other.toLowerCase();
}

async function grantWelcome(db: Db, userId: string, credits: number): Promise<void> {
  if (credits === 0) return;
  await postEntry(db, { id: newId(), userId, kind: 'grant', amount: String(credits), reason: 'welcome' });
}
