import { type Db, rows } from '../database.ts';
import { long } from '../long-statements.ts';
import { prepared } from '../prepared.ts';

/** A request that may be repeated. */
export interface IdempotentRequest {
  userId: string;
  /** At least one, none twice. */
  keys: string[];
  /** SHA-256 of the request. */
  fingerprint: Buffer;
}

/** The first answer to a request. */
export interface StoredAnswer {
  fingerprint: Buffer;
  answer: unknown;
}

/** The first answer to each of the keys that has one. */
export function findAnswers(db: Db, { userId, keys }: IdempotentRequest): Promise<StoredAnswer[]> {
  return rows<StoredAnswer>(
    db,
    prepared('SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = $1 AND key = ANY($2)'),
    [userId, keys],
  );
}

/**
 * Keeps the first answer to the keys that have none yet. Waits for another transaction that is about to; returns false when
 * for one of the keys that one was first. The keys are taken in one order by all, so that no two wait for each other.
 */
export async function keepAnswer(db: Db, request: IdempotentRequest, answer: unknown): Promise<boolean> {
  const kept = await rows(
    db,
    prepared(`INSERT INTO idempotency_keys (user_id, key, fingerprint, answer)
     SELECT $1, key, $3, $4 FROM unnest($2::text[]) AS key ORDER BY key
     ON CONFLICT DO NOTHING RETURNING key`),
    [request.userId, request.keys, request.fingerprint, JSON.stringify(answer)],
  );
  return kept.length === request.keys.length;
}

/** Puts the answer to the keys in the place of what was kept; in the transaction that kept it. */
export async function replaceAnswer(
  db: Db,
  { userId, keys }: IdempotentRequest,
  answer: unknown,
): Promise<void> {
  await rows(db, 'UPDATE idempotency_keys SET answer = $3 WHERE user_id = $1 AND key = ANY($2)', [
    userId,
    keys,
    JSON.stringify(answer),
  ]);
}

/** Forgets answers older than `days`. Returns how many. */
export async function forgetAnswers(db: Db, days: number): Promise<number> {
  const gone = await rows(
    db,
    long(`DELETE FROM idempotency_keys WHERE created_at < now() - $1 * interval '1 day' RETURNING 1`),
    [days],
  );
  return gone.length;
}
