import type { OwnedIdPage } from '../../base/page-by-id.ts';
import { type Db, rows } from '../database.ts';
import type { RefreshFamilyRecord, RefreshTokenRecord } from '../entities/refresh-token.ts';
import { long } from '../long-statements.ts';
import { deleteExpiredResets } from './password-resets.ts';

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

/** Revokes all sign-ins of a user but one. Answers the ids of those that were not revoked already. */
export async function revokeOtherFamilies(
  db: Db,
  { userId, except }: { userId: string; except: string | null },
): Promise<string[]> {
  const revoked = await rows<{ id: string }>(
    db,
    `UPDATE refresh_families SET revoked_at = clock_timestamp()
      WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2 RETURNING id`,
    [userId, except],
  );
  return revoked.map(({ id }) => id);
}

/** Of a sign-in `f`: it was not revoked and has a token that can still be traded. */
export const LIVE_FAMILY = `f.revoked_at IS NULL AND EXISTS
  (SELECT FROM refresh_tokens t WHERE t.family_id = f.id AND t.used_at IS NULL AND t.expires_at > clock_timestamp())`;

/** The live sign-ins of a user, newest first. */
export async function listRefreshFamilies(
  db: Db,
  { userId, limit, before }: OwnedIdPage,
): Promise<RefreshFamilyRecord[]> {
  const older = before === undefined ? '' : 'AND f.id < $3';
  return rows<RefreshFamilyRecord>(
    db,
    `SELECT f.id, f.user_id AS "userId", f.user_agent AS "userAgent", f.created_at AS "createdAt",
            f.last_used_at AS "lastUsedAt", f.revoked_at AS "revokedAt"
       FROM refresh_families f WHERE f.user_id = $1 AND ${LIVE_FAMILY} ${older} ORDER BY f.id DESC LIMIT $2`,
    before === undefined ? [userId, limit] : [userId, limit, before],
  );
}

/** Revokes a live sign-in, for good. Returns false when it is not live, is not there, or is somebody else's. */
export async function revokeOwnedFamily(db: Db, userId: string, id: string): Promise<boolean> {
  const revoked = await rows(
    db,
    `UPDATE refresh_families f SET revoked_at = clock_timestamp()
      WHERE f.id = $1 AND f.user_id = $2 AND ${LIVE_FAMILY} RETURNING f.id`,
    [id, userId],
  );
  return revoked.length > 0;
}

/** Deletes tokens that expired, those of mails too, and sign-ins that have none left. Returns how many rows went. */
export async function deleteExpiredTokens(db: Db): Promise<number> {
  const tokens = await rows(db, long('DELETE FROM refresh_tokens WHERE expires_at < now() RETURNING id'));
  const families = await rows(
    db,
    long(`DELETE FROM refresh_families f WHERE created_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.family_id = f.id) RETURNING id`),
  );
  return tokens.length + families.length + (await deleteExpiredResets(db));
}
