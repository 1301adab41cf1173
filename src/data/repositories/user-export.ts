import { type Db, rows } from '../database.ts';
import { GENERATION_ENTRY, type GenerationEntry } from './generation-log.ts';
import { kept } from './kept-sessions.ts';
import type { UsageSums } from './usage-stats.ts';

/** What is stored of an account that its profile does not show. */
export interface AccountFacts {
  isActive: boolean;
  googleId: string | null;
  emailVerifiedAt: Date | null;
  lastLoginAt: Date | null;
  updatedAt: Date;
  /** A password is set: nothing of it is told. */
  hasPassword: boolean;
  balance: string;
  held: string;
}

/** Of an account; undefined when it is not there any more. */
export async function findAccountFacts(db: Db, userId: string): Promise<AccountFacts | undefined> {
  const found = await rows<AccountFacts>(
    db,
    `SELECT is_active AS "isActive", google_id AS "googleId", email_verified_at AS "emailVerifiedAt",
            last_login_at AS "lastLoginAt", users.updated_at AS "updatedAt",
            password_hash IS NOT NULL AS "hasPassword", coalesce(balance, 0) AS balance, coalesce(held, 0) AS held
       FROM users LEFT JOIN accounts ON accounts.user_id = users.id WHERE users.id = $1`,
    [userId],
  );
  return found[0];
}

/** Whether an account is there. */
export async function isUserThere(db: Db, userId: string): Promise<boolean> {
  return (await rows(db, 'SELECT 1 FROM users WHERE id = $1', [userId])).length > 0;
}

/** A model that is marked. */
export interface ExportedFavorite {
  modelId: string;
  createdAt: Date;
}

/** All that a user has marked; there are few. */
export function listExportedFavorites(db: Db, userId: string): Promise<ExportedFavorite[]> {
  return rows<ExportedFavorite>(
    db,
    `SELECT model_id AS "modelId", created_at AS "createdAt"
       FROM favorite_models WHERE user_id = $1 ORDER BY model_id`,
    [userId],
  );
}

/** The ids of all sessions that a user comes back to, in order. */
export async function listSessionIds(db: Db, userId: string): Promise<string[]> {
  const sql = `SELECT id FROM sessions WHERE user_id = $1 AND ${kept('sessions')} ORDER BY id`;
  const found = await rows<{ id: string }>(db, sql, [userId]);
  return found.map(({ id }) => id);
}

/** A piece of what a user has much of. `after`: the last row of the piece before. */
export interface ExportPage<T> {
  userId: string;
  after: T | undefined;
  limit: number;
}

/** A user's generations, newest first: those of sessions that were deleted are among them. */
export function listExportedGenerations(
  db: Db,
  { userId, after, limit }: ExportPage<GenerationEntry>,
): Promise<GenerationEntry[]> {
  const older = after ? 'AND id < $3' : '';
  return rows<GenerationEntry>(
    db,
    `SELECT ${GENERATION_ENTRY} FROM generations WHERE user_id = $1 ${older} ORDER BY id DESC LIMIT $2`,
    after ? [userId, limit, after.id] : [userId, limit],
  );
}

/** What a user's generations of one kind took on a day, by model. */
export interface ExportedUsage extends UsageSums {
  day: string;
  model: string;
  kind: string;
}

/** A user's use, oldest first. */
export function listExportedUsage(
  db: Db,
  { userId, after, limit }: ExportPage<ExportedUsage>,
): Promise<ExportedUsage[]> {
  const newer = after ? 'AND (day, model, kind) > ($3::date, $4, $5)' : '';
  return rows<ExportedUsage>(
    db,
    `SELECT day::text AS day, model, kind, completed, failed, cancelled, input_tokens::float8 AS "inputTokens",
            output_tokens::float8 AS "outputTokens", cost_usd AS "costUsd", credits
       FROM usage_days WHERE user_id = $1 ${newer} ORDER BY usage_days.day, model, kind LIMIT $2`,
    after ? [userId, limit, after.day, after.model, after.kind] : [userId, limit],
  );
}

/** An API key as its owner is told of it: never the key, nor its hash. */
export interface ExportedApiKey {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

/** A user's API keys, newest first, those that are good no more among them. */
export function listExportedApiKeys(
  db: Db,
  { userId, after, limit }: ExportPage<ExportedApiKey>,
): Promise<ExportedApiKey[]> {
  const older = after ? 'AND id < $3' : '';
  return rows<ExportedApiKey>(
    db,
    `SELECT id, name, prefix, scopes, created_at AS "createdAt", expires_at AS "expiresAt",
            last_used_at AS "lastUsedAt", revoked_at AS "revokedAt"
       FROM api_keys WHERE user_id = $1 ${older} ORDER BY id DESC LIMIT $2`,
    after ? [userId, limit, after.id] : [userId, limit],
  );
}

/** A sign-in: never its tokens, nor their hashes. */
export interface ExportedSignIn {
  id: string;
  userAgent: string | null;
  createdAt: Date;
  lastUsedAt: Date;
  revokedAt: Date | null;
}

/** A user's sign-ins as far as they are kept, newest first. */
export function listExportedSignIns(
  db: Db,
  { userId, after, limit }: ExportPage<ExportedSignIn>,
): Promise<ExportedSignIn[]> {
  const older = after ? 'AND id < $3' : '';
  return rows<ExportedSignIn>(
    db,
    `SELECT id, user_agent AS "userAgent", created_at AS "createdAt",
            last_used_at AS "lastUsedAt", revoked_at AS "revokedAt"
       FROM refresh_families WHERE user_id = $1 ${older} ORDER BY id DESC LIMIT $2`,
    after ? [userId, limit, after.id] : [userId, limit],
  );
}
