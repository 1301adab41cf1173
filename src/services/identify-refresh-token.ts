import { now } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import { hashSecret } from '../base/secrets.ts';
import type { Database } from '../data/database.ts';
import { lockRefreshToken } from '../data/repositories/refresh-tokens.ts';
import { findUser } from '../data/repositories/users.ts';
import type { Identity } from './identity.ts';
import { refreshTokenExpired, refreshTokenUnknown, signInRevoked } from './identity-refusals.ts';

/**
 * Whose sign-in a refresh token belongs to, whether it was traded for its successor or not. The token stays as it is, and what
 * is answered is good for this one request.
 *
 * @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked`
 */
export type IdentifyRefreshToken = (token: string) => Promise<Identity>;

/** Makes it. */
export function createIdentifyRefreshToken(database: Pick<Database, 'transaction'>): IdentifyRefreshToken {
  return (token) =>
    database.transaction(async (db) => {
      const found = await lockRefreshToken(db, hashSecret(token));
      const user = found && (await findUser(db, found.userId));
      if (!user) throw refreshTokenUnknown();
      const { familyId, familyRevoked, expired } = found;
      if (familyRevoked) throw signInRevoked();
      if (expired) throw refreshTokenExpired();
      return { userId: user.id, role: user.role, familyId, tokenId: newId(), expiresAt: now() };
    });
}
