import { AppError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { hashSecret } from '../base/secrets.ts';
import type { Database, Db } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import {
  insertRefreshToken,
  type LockedRefreshToken,
  lockRefreshToken,
  markRefreshTokenUsed,
} from '../data/repositories/refresh-tokens.ts';
import { findUser } from '../data/repositories/users.ts';
import { refreshTokenExpired, refreshTokenUnknown, signInRevoked } from './identity-refusals.ts';
import type { RefreshSecrets } from './refresh-secrets.ts';
import type { Revocations } from './revocations.ts';

/** For two tabs that refresh at once, and for an answer that was lost on its way. */
const GRACE_SECONDS = 10;

/** What rotating works with. */
export interface RotationDeps {
  database: Database;
  secrets: RefreshSecrets;
  revocations: Revocations;
  refreshTokenDays: number;
}

/** A token's successor, and who it is for. */
export interface Rotation {
  user: UserRecord;
  familyId: string;
  refreshToken: string;
}

/**
 * Trades a refresh token for its successor. The same token brought again within 10 s gets the same
 * successor; brought again later it has been stolen or copied, and the whole sign-in is revoked.
 *
 * @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked`
 */
export async function rotateRefreshToken(deps: RotationDeps, token: string): Promise<Rotation> {
  const { database, revocations } = deps;
  const outcome = await database.transaction(async (db) => {
    const found = await lockRefreshToken(db, hashSecret(token));
    return found ? decide(db, { found, token, deps }) : undefined;
  });
  if (!outcome) throw refreshTokenUnknown();
  if ('user' in outcome) return outcome;
  // Outside of the transaction, which an error would have rolled back together with the revocation.
  if (outcome.stolenFamilyId) await revocations.revoke(outcome.stolenFamilyId);
  throw outcome.refusal;
}

interface Refused {
  refusal: AppError;
  stolenFamilyId?: string;
}

async function decide(
  db: Db,
  { found, token, deps }: { found: LockedRefreshToken; token: string; deps: RotationDeps },
): Promise<Rotation | Refused> {
  const { familyId } = found;
  if (found.familyRevoked) return { refusal: signInRevoked() };
  if (found.expired) return { refusal: refreshTokenExpired() };
  if (found.usedSecondsAgo !== null && found.usedSecondsAgo > GRACE_SECONDS) {
    const refusal = new AppError('token_revoked', 'The refresh token was used before. Sign in again.');
    return { refusal, stolenFamilyId: familyId };
  }
  const user = await findUser(db, found.userId);
  if (!user?.isActive) return { refusal: new AppError('token_revoked', 'The account is deactivated.') };

  const refreshToken = deps.secrets.successorOf(token);
  if (found.usedSecondsAgo === null) {
    await markRefreshTokenUsed(db, found);
    const tokenHash = hashSecret(refreshToken);
    await insertRefreshToken(db, { id: newId(), familyId, tokenHash, days: deps.refreshTokenDays });
  }
  return { user, familyId, refreshToken };
}
