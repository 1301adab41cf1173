import { type Db, rows } from '../database.ts';
import type { UserRecord } from '../entities/user.ts';

/** What a new account is made of; the rest has defaults. */
export type NewUser = Pick<UserRecord, 'id' | 'email' | 'name' | 'passwordHash' | 'role'>;

const COLUMNS = `id, email, name, password_hash AS "passwordHash", role, email_verified_at AS "emailVerifiedAt",
  is_active AS "isActive", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Stores a new account; undefined when its e-mail address is taken, whatever the case. */
export async function insertUser(db: Db, user: NewUser): Promise<UserRecord | undefined> {
  const inserted = await rows<UserRecord>(
    db,
    `INSERT INTO users (id, email, name, password_hash, role) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (lower(email)) DO NOTHING RETURNING ${COLUMNS}`,
    [user.id, user.email, user.name, user.passwordHash, user.role],
  );
  return inserted[0];
}

/** The account with this id. */
export async function findUser(db: Db, id: string): Promise<UserRecord | undefined> {
  const found = await rows<UserRecord>(db, `SELECT ${COLUMNS} FROM users WHERE id = $1`, [id]);
  return found[0];
}

/** The account with this e-mail address, whatever its case. */
export async function findUserByEmail(db: Db, email: string): Promise<UserRecord | undefined> {
  const found = await rows<UserRecord>(db, `SELECT ${COLUMNS} FROM users WHERE lower(email) = lower($1)`, [
    email,
  ]);
  return found[0];
}
