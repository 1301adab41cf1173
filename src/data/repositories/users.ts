import { type Db, rows } from '../database.ts';
import type { UserRecord } from '../entities/user.ts';

/** What a new account is made of; the rest has defaults. */
export type NewUser = Pick<UserRecord, 'id' | 'email' | 'name' | 'passwordHash' | 'role' | 'googleId'> & {
  emailVerified: boolean;
};

const COLUMNS = `id, email, name, password_hash AS "passwordHash", role, google_id AS "googleId",
  email_verified_at AS "emailVerifiedAt", is_active AS "isActive", login_count AS "loginCount",
  last_login_at AS "lastLoginAt", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Stores a new account; undefined when its e-mail address, whatever the case, or its Google id is taken. */
export async function insertUser(db: Db, user: NewUser): Promise<UserRecord | undefined> {
  const inserted = await rows<UserRecord>(
    db,
    `INSERT INTO users (id, email, name, password_hash, role, google_id, email_verified_at)
     VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN clock_timestamp() END)
     ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [user.id, user.email, user.name, user.passwordHash, user.role, user.googleId, user.emailVerified],
  );
  return inserted[0];
}

/** The account with this id. */
export const findUser = (db: Db, id: string): Promise<UserRecord | undefined> =>
  findOne(db, 'WHERE id = $1', id);

/** The account with this e-mail address, whatever its case. */
export const findUserByEmail = (db: Db, email: string): Promise<UserRecord | undefined> =>
  findOne(db, 'WHERE lower(email) = lower($1)', email);

/** The account that this account of Google signs in to. */
export const findUserByGoogleId = (db: Db, googleId: string): Promise<UserRecord | undefined> =>
  findOne(db, 'WHERE google_id = $1', googleId);

/** An account that nobody else changes until the transaction ends. */
export const lockUser = (db: Db, id: string): Promise<UserRecord | undefined> =>
  findOne(db, 'WHERE id = $1 FOR NO KEY UPDATE', id);

async function findOne(db: Db, where: string, param: string): Promise<UserRecord | undefined> {
  return (await rows<UserRecord>(db, `SELECT ${COLUMNS} FROM users ${where}`, [param]))[0];
}

/**
 * Counts a sign-in of an active account, which nobody else changes until the transaction ends. Undefined when it is
 * gone or deactivated, or, where `passwordHash` is given, when its password is another one meanwhile.
 */
export async function countSignIn(
  db: Db,
  { id, passwordHash = null }: { id: string; passwordHash?: string | null },
): Promise<UserRecord | undefined> {
  const counted = await rows<UserRecord>(
    db,
    `UPDATE users SET login_count = login_count + 1, last_login_at = clock_timestamp()
      WHERE id = $1 AND is_active AND ($2::text IS NULL OR password_hash = $2) RETURNING ${COLUMNS}`,
    [id, passwordHash],
  );
  return counted[0];
}

/** Gives an account another password. Returns false when the old one is not `from` any more. */
export async function replacePassword(
  db: Db,
  { id, from, to }: { id: string; from: string; to: string },
): Promise<boolean> {
  const sql = `UPDATE users SET password_hash = $3, updated_at = clock_timestamp()
                WHERE id = $1 AND password_hash = $2 RETURNING id`;
  return (await rows(db, sql, [id, from, to])).length > 0;
}

/** Gives an account a password by way of its e-mail address, which is verified by that. */
export async function resetPassword(
  db: Db,
  { id, passwordHash }: Pick<UserRecord, 'id' | 'passwordHash'>,
): Promise<void> {
  await rows(
    db,
    `UPDATE users SET password_hash = $2, email_verified_at = coalesce(email_verified_at, clock_timestamp()),
            updated_at = clock_timestamp()
      WHERE id = $1`,
    [id, passwordHash],
  );
}

/** Lets an account of Google sign in to an account that has none yet. Returns false when it has one by now. */
export async function linkGoogleId(db: Db, id: string, googleId: string): Promise<boolean> {
  const sql = `UPDATE users SET google_id = $2, updated_at = clock_timestamp()
                WHERE id = $1 AND google_id IS NULL RETURNING id`;
  return (await rows(db, sql, [id, googleId])).length > 0;
}
