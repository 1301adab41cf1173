import { type Db, rows } from '../database.ts';
import type { RefreshFamilyRecord, RefreshTokenRecord } from '../entities/refresh-token.ts';

/** A new sign-in. */
export type NewRefreshFamily = Pick<RefreshFamilyRecord, 'id' | 'userId' | 'userAgent'>;

/** Stores a new sign-in, with no token yet. */
export async function insertRefreshFamily(db: Db, family: NewRefreshFamily): Promise<void> {
  await rows(db, 'INSERT INTO refresh_families (id, user_id, user_agent) VALUES ($1, $2, $3)', [
    family.id,
    family.userId,
    family.userAgent,
  ]);
}

/** A new refresh token. */
export type NewRefreshToken = Pick<RefreshTokenRecord, 'id' | 'familyId' | 'tokenHash'> & {
  /** Its life from now on. */
  days: number;
};

/** Stores a refresh token. */
export async function insertRefreshToken(db: Db, token: NewRefreshToken): Promise<void> {
  await rows(
    db,
    `INSERT INTO refresh_tokens (id, family_id, token_hash, expires_at)
     VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 day')`,
    [token.id, token.familyId, token.tokenHash, token.days],
  );
}

/** Where a refresh token stands, by the clock of the database: all processes agree on it. */
export interface LockedRefreshToken {
  id: string;
  familyId: string;
  userId: string;
  familyRevoked: boolean;
  expired: boolean;
  /** Seconds since it was traded for its successor; null: not yet. */
  usedSecondsAgo: number | null;
}

/**
 * A refresh token with its family, both locked until the transaction ends: of many who bring the same token
 * one after the other sees what the one before has done, a revocation included.
 */
export async function lockRefreshToken(db: Db, tokenHash: Buffer): Promise<LockedRefreshToken | undefined> {
  const found = await rows<LockedRefreshToken>(
    db,
    `SELECT t.id, t.family_id AS "familyId", f.user_id AS "userId",
            f.revoked_at IS NOT NULL AS "familyRevoked",
            t.expires_at <= clock_timestamp() AS expired,
            extract(epoch FROM clock_timestamp() - t.used_at)::float8 AS "usedSecondsAgo"
       FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id
      WHERE t.token_hash = $1 FOR UPDATE`,
    [tokenHash],
  );
  return found[0];
}

/** Marks a token as traded for its successor, and its family as in use. */
export async function markRefreshTokenUsed(
  db: Db,
  { id, familyId }: Pick<RefreshTokenRecord, 'id' | 'familyId'>,
): Promise<void> {
  await rows(db, 'UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE id = $1', [id]);
  await rows(db, 'UPDATE refresh_families SET last_used_at = clock_timestamp() WHERE id = $1', [familyId]);
}

/** Revokes a family, for good. Does nothing when it is revoked already. */
export async function revokeRefreshFamily(db: Db, id: string): Promise<void> {
  await rows(
    db,
    'UPDATE refresh_families SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL',
    [id],
  );
}

/** Deletes tokens that expired, and sign-ins that have none left. Returns how many rows went. */
export async function deleteExpiredTokens(db: Db): Promise<number> {
  const tokens = await rows(db, 'DELETE FROM refresh_tokens WHERE expires_at < now() RETURNING id');
  const families = await rows(
    db,
    `DELETE FROM refresh_families f WHERE created_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.family_id = f.id) RETURNING id`,
  );
  return tokens.length + families.length;
}
