import { createHash } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import type { Database, Db } from '../data/database.ts';
import {
  findAnswer,
  type IdempotentRequest,
  keepAnswer,
  replaceAnswer,
  type StoredAnswer,
} from '../data/repositories/idempotency.ts';

/** A request, and the key under which the client may repeat it. */
export interface RepeatableRequest {
  userId: string;
  /** With its scope before it; undefined: the request is never a repetition. */
  key: string | undefined;
  /** Everything that makes it the same request. */
  request: unknown;
}

/** The outcome of {@link answerOnce}: the work was done before, by the first request with this key, or now. */
export type OnceAnswer<T, R> = { answer: T; repeated: true } | { answer: T; repeated: false; done: R };

/**
 * The answer that the first request with a key got, whatever happened in between.
 *
 * @returns undefined when there was none, or no key
 * @throws {AppError} `idempotency_key_reused` when the key came with another request
 */
export async function findFirstAnswer<T>(db: Db, repeatable: RepeatableRequest): Promise<T | undefined> {
  const request = withFingerprint(repeatable);
  const stored = request && (await findAnswer(db, request));
  return request && stored && (checked(request, stored) as T);
}

/**
 * Does `work` in one transaction with keeping its answer, so that of any number of requests with the same key,
 * in parallel or later, exactly one does it and all get the same answer. Without a key there is no transaction, which
 * would be two round trips more before the first token: `work` is one statement.
 *
 * @throws {AppError} `idempotency_key_reused` when the key came with another request
 */
export async function answerOnce<T, R>(
  database: Database,
  repeatable: RepeatableRequest,
  { answer, work }: { answer: T; work: (db: Db) => Promise<R> },
): Promise<OnceAnswer<T, R>> {
  const request = withFingerprint(repeatable);
  if (!request) {
    return { answer, repeated: false, done: await work(database.db) };
  }
  const first = await database.transaction(async (db) => {
    if (!(await keepAnswer(db, request, answer))) return undefined;
    return { done: await work(db) };
  });
  if (first) return { answer, repeated: false, ...first };
  const stored = await findAnswer(database.db, request);
  if (!stored) throw withdrawn();
  return { answer: checked(request, stored) as T, repeated: true };
}

/**
 * Like {@link answerOnce}, for work that makes its answer: always in a transaction, of however many statements.
 *
 * @throws {AppError} `idempotency_key_reused` when the key came with another request; what `work` throws, and then the
 *   key is not used up
 */
export async function workOnce<T>(
  database: Database,
  repeatable: RepeatableRequest,
  work: (db: Db) => Promise<T>,
): Promise<{ answer: T; repeated: boolean }> {
  const request = withFingerprint(repeatable);
  const first = await database.transaction(async (db) => {
    if (request && !(await keepAnswer(db, request, null))) return undefined;
    const answer = await work(db);
    if (request) await replaceAnswer(db, request, answer);
    return { answer, repeated: false };
  });
  if (first) return first;
  const answer = await findFirstAnswer<T>(database.db, repeatable);
  if (answer === undefined) throw withdrawn();
  return { answer, repeated: true };
}

const withdrawn = () => new AppError('conflict', 'The first request with this key was withdrawn meanwhile.');

function withFingerprint({ userId, key, request }: RepeatableRequest): IdempotentRequest | undefined {
  if (key === undefined) return undefined;
  return { userId, key, fingerprint: createHash('sha256').update(JSON.stringify(request)).digest() };
}

function checked(request: IdempotentRequest, stored: StoredAnswer): unknown {
  if (!request.fingerprint.equals(stored.fingerprint)) {
    throw new AppError('idempotency_key_reused', 'This idempotency key was used for another request.');
  }
  return stored.answer;
}
