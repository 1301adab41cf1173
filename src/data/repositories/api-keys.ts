import type { OwnedIdPage } from '../../base/page-by-id.ts';
import { type Db, rows } from '../database.ts';
import type { ApiKeyRecord } from '../entities/api-key.ts';
import { long } from '../long-statements.ts';

/** A key without its hash, which nobody needs to be given. */
export type ApiKeyRow = Omit<ApiKeyRecord, 'keyHash' | 'revokedAt'>;

/** A new key. */
export type NewApiKeyRow = Pick<
  ApiKeyRecord,
  'id' | 'userId' | 'name' | 'prefix' | 'keyHash' | 'scopes' | 'expiresAt'
>;

const COLUMNS = `id, user_id AS "userId", name, prefix, scopes, created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt"`;

/**
 * Lets only one transaction at a time add to the keys of a user. False when the account is deactivated or gone, or the
 * sign-in revoked: also meanwhile, as a deactivation or a reset of the password locks the same row first.
 */
export async function lockApiKeysOf(
  db: Db,
  { userId, familyId }: { userId: string; familyId: string },
): Promise<boolean> {
  const user = await rows(db, 'SELECT 1 FROM users WHERE id = $1 AND is_active FOR NO KEY UPDATE', [userId]);
  // A statement of its own: one that had to wait for the lock would see the sign-in as it was before.
  const revoked = await rows(db, 'SELECT 1 FROM refresh_families WHERE id = $1 AND revoked_at IS NOT NULL', [
    familyId,
  ]);
  return user.length > 0 && revoked.length === 0;
}

/** Of a key: it was not revoked, and has not expired. */
export const LIVE_KEY = '(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))';

/** How many keys of a user are good. */
export async function countLiveApiKeys(db: Db, userId: string): Promise<number> {
  const [found] = await rows<{ live: number }>(
    db,
    `SELECT count(*)::int AS live FROM api_keys WHERE user_id = $1 AND ${LIVE_KEY}`,
    [userId],
  );
  return found?.live ?? 0;
}

/** Stores a key. */
export async function insertApiKey(db: Db, key: NewApiKeyRow): Promise<ApiKeyRow> {
  const [inserted] = await rows<ApiKeyRow>(
    db,
    `INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`,
    [key.id, key.userId, key.name, key.prefix, key.keyHash, JSON.stringify(key.scopes), key.expiresAt],
  );
  return inserted as ApiKeyRow;
}

/** The keys of a user that were not revoked, newest first. */
export async function listApiKeyRows(db: Db, { userId, limit, before }: OwnedIdPage): Promise<ApiKeyRow[]> {
  const older = before === undefined ? '' : 'AND id < $3';
  return rows<ApiKeyRow>(
    db,
    `SELECT ${COLUMNS} FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL ${older}
      ORDER BY id DESC LIMIT $2`,
    before === undefined ? [userId, limit] : [userId, limit, before],
  );
}

/** Revokes a key, for good. Returns false when it was revoked before, is not there, or is somebody else's. */
export async function revokeApiKeyRow(db: Db, userId: string, id: string): Promise<boolean> {
  const revoked = await rows(
    db,
    `UPDATE api_keys SET revoked_at = clock_timestamp()
      WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id`,
    [id, userId],
  );
  return revoked.length > 0;
}

/** Revokes all keys of a user. Answers the ids of those that were not revoked already. */
export async function revokeApiKeysOf(db: Db, userId: string): Promise<string[]> {
  const revoked = await rows<{ id: string }>(
    db,
    `UPDATE api_keys SET revoked_at = clock_timestamp()
      WHERE user_id = $1 AND revoked_at IS NULL RETURNING id`,
    [userId],
  );
  return revoked.map(({ id }) => id);
}

/** What a key allows, and whether it still does. */
export interface FoundApiKey extends Pick<ApiKeyRecord, 'id' | 'userId' | 'scopes' | 'expiresAt'> {
  /** Of its owner, now. */
  role: string;
  isRevoked: boolean;
  /** Seconds since it was used, as far as that is written down; null: never. By the clock of the database. */
  usedSecondsAgo: number | null;
}

/** The key with this hash. */
export async function findApiKeyByHash(db: Db, keyHash: Buffer): Promise<FoundApiKey | undefined> {
  const found = await rows<FoundApiKey>(
    db,
    `SELECT k.id, k.user_id AS "userId", k.scopes, k.expires_at AS "expiresAt", u.role,
            k.revoked_at IS NOT NULL AS "isRevoked",
            extract(epoch FROM clock_timestamp() - k.last_used_at)::float8 AS "usedSecondsAgo"
       FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_hash = $1`,
    [keyHash],
  );
  return found[0];
}

/** Writes down that a key is in use, unless another process has within the last `seconds`. */
export async function markApiKeyUsed(db: Db, id: string, seconds: number): Promise<void> {
  await rows(
    db,
    `UPDATE api_keys SET last_used_at = clock_timestamp()
      WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= clock_timestamp() - $2 * interval '1 second')`,
    [id, seconds],
  );
}

/** Deletes keys that were revoked, or expired, over `days` ago. Returns how many. */
export async function deleteOldApiKeys(db: Db, days: number): Promise<number> {
  const deleted = await rows(
    db,
    long(`DELETE FROM api_keys WHERE revoked_at < now() - $1 * interval '1 day'
        OR expires_at < now() - $1 * interval '1 day' RETURNING id`),
    [days],
  );
  return deleted.length;
}
