import { now } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Database } from '../data/database.ts';
import { lockRefreshToken } from '../data/repositories/refresh-tokens.ts';
import { findUser } from '../data/repositories/users.ts';
import type { Identity } from './identity.ts';
import type { RefreshSecrets } from './refresh-secrets.ts';

/**
 * Whose sign-in a refresh token belongs to, whether it was traded for its successor or not. The token stays as it is, and what
 * is answered is good for this one request.
 *
 * @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked`
 */
export type IdentifyRefreshToken = (token: string) => Promise<Identity>;

/** Makes it. */
export function createIdentifyRefreshToken({
  database,
  secrets,
}: {
  database: Pick<Database, 'transaction'>;
  secrets: Pick<RefreshSecrets, 'hash'>;
}): IdentifyRefreshToken {
  return (token) =>
    database.transaction(async (db) => {
      const found = await lockRefreshToken(db, secrets.hash(token));
      const user = found && (await findUser(db, found.userId));
      if (!user) throw new AppError('unauthenticated', 'The refresh token is not known.');
      const { familyId, familyRevoked, expired } = found;
      if (familyRevoked) throw new AppError('token_revoked', 'This sign-in has been revoked. Sign in again.');
      if (expired) throw new AppError('token_expired', 'The refresh token has expired. Sign in again.');
      return { userId: user.id, role: user.role, familyId, tokenId: newId(), expiresAt: now() };
    });
}
