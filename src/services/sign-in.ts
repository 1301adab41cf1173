import { newId } from '../base/ids.ts';
import { hashSecret } from '../base/secrets.ts';
import type { Db } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { insertRefreshFamily, insertRefreshToken } from '../data/repositories/refresh-tokens.ts';
import { countSignIn } from '../data/repositories/users.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { RefreshSecrets } from './refresh-secrets.ts';

/** What whoever signs in is given. */
export interface SignIn {
  user: UserRecord;
  accessToken: string;
  /** Until the access token expires. */
  expiresInSeconds: number;
  refreshToken: string;
}

/** Who signs in, and on what. */
export interface NewSignIn {
  userId: string;
  /** Given where it was a password that was right: the sign-in fails if it has been changed since. */
  passwordHash?: string | undefined;
  /** The User-Agent, for the list of devices. */
  userAgent: string | null;
}

/** Opens sign-ins, whatever it was that showed who somebody is. */
export interface SignIns {
  /**
   * Opens a family of refresh tokens, counts the sign-in, and gives out the first tokens. Undefined when the account is
   * gone, deactivated, or has another password by now.
   */
  open(db: Db, signIn: NewSignIn): Promise<SignIn | undefined>;
  /** The tokens of a family that there is. */
  resume(family: { user: UserRecord; familyId: string; refreshToken: string }): SignIn;
}

/** What {@link createSignIns} works with. */
export interface SignInsDeps {
  accessTokens: Pick<AccessTokens, 'issue'>;
  secrets: RefreshSecrets;
  refreshTokenDays: number;
}

/** Longest User-Agent that is kept, in UTF-16 code units. */
const MAX_USER_AGENT = 300;

/** Makes what opens sign-ins. */
export function createSignIns({ accessTokens, secrets, refreshTokenDays }: SignInsDeps): SignIns {
  function resume(family: { user: UserRecord; familyId: string; refreshToken: string }): SignIn {
    const { user, familyId, refreshToken } = family;
    const { token, expiresInSeconds } = accessTokens.issue(user, familyId);
    return { user, accessToken: token, expiresInSeconds, refreshToken };
  }

  return {
    async open(db, { userId, passwordHash, userAgent }) {
      const user = await countSignIn(db, { id: userId, ...(passwordHash && { passwordHash }) });
      if (!user) return undefined;
      const familyId = newId();
      const refreshToken = secrets.first();
      const device = userAgent === null ? null : userAgent.slice(0, MAX_USER_AGENT);
      await insertRefreshFamily(db, { id: familyId, userId, userAgent: device });
      const tokenHash = hashSecret(refreshToken);
      await insertRefreshToken(db, { id: newId(), familyId, tokenHash, days: refreshTokenDays });
      return resume({ user, familyId, refreshToken });
    },
    resume,
  };
}
