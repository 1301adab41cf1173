import { newId } from '../base/ids.ts';
import type { Db } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { insertRefreshFamily, insertRefreshToken } from '../data/repositories/refresh-tokens.ts';
import type { RefreshSecrets } from './refresh-secrets.ts';

/** What whoever signs in is given. */
export interface SignIn {
  user: UserRecord;
  accessToken: string;
  /** Until the access token expires. */
  expiresInSeconds: number;
  refreshToken: string;
}

/** What a new sign-in needs. */
export interface NewSignIn {
  userId: string;
  /** The User-Agent, for the list of devices. */
  userAgent: string | null;
  refreshTokenDays: number;
  secrets: RefreshSecrets;
}

/** Longest User-Agent that is kept, in UTF-16 code units. */
const MAX_USER_AGENT = 300;

/** Opens a family of refresh tokens and gives out its first one. */
export async function openRefreshFamily(
  db: Db,
  { userId, userAgent, refreshTokenDays, secrets }: NewSignIn,
): Promise<{ familyId: string; refreshToken: string }> {
  const familyId = newId();
  const refreshToken = secrets.first();
  const device = userAgent === null ? null : userAgent.slice(0, MAX_USER_AGENT);
  await insertRefreshFamily(db, { id: familyId, userId, userAgent: device });
  await insertRefreshToken(db, {
    id: newId(),
    familyId,
    tokenHash: secrets.hash(refreshToken),
    days: refreshTokenDays,
  });
  return { familyId, refreshToken };
}
