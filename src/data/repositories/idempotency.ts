import { type Db, rows } from '../database.ts';
import { prepared } from '../prepared.ts';

/** A request that may be repeated. */
export interface IdempotentRequest {
  userId: string;
  key: string;
  /** SHA-256 of the request. */
  fingerprint: Buffer;
}

/** The first answer to a request. */
export interface StoredAnswer {
  fingerprint: Buffer;
  answer: unknown;
}

/** The first answer to a key. */
export async function findAnswer(
  db: Db,
  { userId, key }: IdempotentRequest,
): Promise<StoredAnswer | undefined> {
  const found = await rows<StoredAnswer>(
    db,
    prepared('SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = $1 AND key = $2'),
    [userId, key],
  );
  return found[0];
}

/**
 * Keeps the first answer to a key. Waits for another transaction that is about to; returns false when that one
 * was first.
 */
export async function keepAnswer(db: Db, request: IdempotentRequest, answer: unknown): Promise<boolean> {
  const kept = await rows(
    db,
    prepared(`INSERT INTO idempotency_keys (user_id, key, fingerprint, answer) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING RETURNING key`),
    [request.userId, request.key, request.fingerprint, JSON.stringify(answer)],
  );
  return kept.length > 0;
}

/** Puts the answer to a key in the place of what was kept; in the transaction that kept it. */
export async function replaceAnswer(
  db: Db,
  { userId, key }: IdempotentRequest,
  answer: unknown,
): Promise<void> {
  await rows(db, 'UPDATE idempotency_keys SET answer = $3 WHERE user_id = $1 AND key = $2', [
    userId,
    key,
    JSON.stringify(answer),
  ]);
}

/** Forgets answers older than `days`. Returns how many. */
export async function forgetAnswers(db: Db, days: number): Promise<number> {
  const gone = await rows(
    db,
    `DELETE FROM idempotency_keys WHERE created_at < now() - $1 * interval '1 day' RETURNING 1`,
    [days],
  );
  return gone.length;
}
