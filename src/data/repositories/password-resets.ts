import { type Db, rows } from '../database.ts';
import type { PasswordResetRecord } from '../entities/password-reset.ts';

const LIVE = 'used_at IS NULL AND expires_at > clock_timestamp()';

/** A new link. */
export type NewPasswordReset = Pick<PasswordResetRecord, 'id' | 'userId' | 'tokenHash'> & {
  /** Its life from now on. */
  minutes: number;
};

/** Stores a link, in the place of all that the account had. */
export async function replacePasswordReset(db: Db, reset: NewPasswordReset): Promise<void> {
  await deletePasswordResets(db, reset.userId);
  await rows(
    db,
    `INSERT INTO password_resets (id, user_id, token_hash, expires_at)
     VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 minute')`,
    [reset.id, reset.userId, reset.tokenHash, reset.minutes],
  );
}

/** Whose password a token can set; undefined when it is not known, was used, or has expired. */
export async function findPasswordReset(db: Db, tokenHash: Buffer): Promise<string | undefined> {
  const found = await rows<{ userId: string }>(
    db,
    `SELECT user_id AS "userId" FROM password_resets WHERE token_hash = $1 AND ${LIVE}`,
    [tokenHash],
  );
  return found[0]?.userId;
}

/** Uses a token up. Returns false when somebody else has meanwhile, or it has expired. */
export async function usePasswordReset(db: Db, tokenHash: Buffer): Promise<boolean> {
  const sql = `UPDATE password_resets SET used_at = clock_timestamp()
                WHERE token_hash = $1 AND ${LIVE} RETURNING id`;
  return (await rows(db, sql, [tokenHash])).length > 0;
}

/** Ends all links of an account. */
export async function deletePasswordResets(db: Db, userId: string): Promise<void> {
  await rows(db, 'DELETE FROM password_resets WHERE user_id = $1', [userId]);
}

/** Deletes links that have expired. Returns how many. */
export async function deleteExpiredResets(db: Db): Promise<number> {
  return (await rows(db, 'DELETE FROM password_resets WHERE expires_at < now() RETURNING id')).length;
}
