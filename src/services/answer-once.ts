import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../base/errors.ts';
import type { Database, Db } from '../data/database.ts';
import {
  findAnswers,
  type IdempotentRequest,
  keepAnswer,
  replaceAnswer,
  type StoredAnswer,
} from '../data/repositories/idempotency.ts';

/** A request, and the keys under which the client may repeat it: one that was seen before makes it a repetition. */
export interface RepeatableRequest {
  userId: string;
  /** Each with its scope before it; none: the request is never a repetition. */
  keys: string[];
  /** Everything that makes it the same request; the keys are no part of it. */
  request: unknown;
}

/** What was done, and the answer to it: the one that was kept before, or another. */
export interface Done<T, R> {
  answer: T;
  done: R;
}

/** The outcome of {@link answerOnce}: the work was done before, by the first request with one of the keys, or now. */
export type OnceAnswer<T, R> = { answer: T; repeated: true } | ({ repeated: false } & Done<T, R>);

/**
 * The answer that the first request with one of the keys got, whatever happened in between. The others of the keys are
 * kept with it.
 *
 * @returns undefined when there was none, or no key
 * @throws {AppError} `idempotency_key_reused` when a key came with another request
 */
export async function findFirstAnswer<T>(db: Db, repeatable: RepeatableRequest): Promise<T | undefined> {
  const request = withFingerprint(repeatable);
  return request && ((await findFirst(db, request)) as T | undefined);
}

/**
 * Does `work` in one transaction with keeping its answer, so that of any number of requests with the same key,
 * in parallel or later, exactly one does it and all get the same answer. Without a key there is no transaction, which
 * would be two round trips more before the first token: `work` is one statement.
 *
 * @throws {AppError} `idempotency_key_reused` when a key came with another request
 */
export async function answerOnce<T, R>(
  database: Database,
  repeatable: RepeatableRequest,
  { answer, work }: { answer: T; work: (db: Db) => Promise<Done<T, R>> },
): Promise<OnceAnswer<T, R>> {
  const request = withFingerprint(repeatable);
  if (!request) {
    return { repeated: false, ...(await work(database.db)) };
  }
  const first = await ifFirst(database, async (db) => {
    if (!(await keepAnswer(db, request, answer))) throw new NotFirst();
    const done = await work(db);
    if (done.answer !== answer) await replaceAnswer(db, request, done.answer);
    return done;
  });
  if (first) return { repeated: false, ...first };
  return { answer: (await findKept(database.db, request)) as T, repeated: true };
}

/**
 * Like {@link answerOnce}, for work that makes its answer: always in a transaction, of however many statements.
 *
 * @throws {AppError} `idempotency_key_reused` when a key came with another request; what `work` throws, and then no
 *   key is used up
 */
export async function workOnce<T>(
  database: Database,
  repeatable: RepeatableRequest,
  work: (db: Db) => Promise<T>,
): Promise<{ answer: T; repeated: boolean }> {
  const request = withFingerprint(repeatable);
  if (!request) return { answer: await database.transaction(work), repeated: false };
  const first = await ifFirst(database, async (db) => {
    if (!(await keepAnswer(db, request, null))) throw new NotFirst();
    const answer = await work(db);
    await replaceAnswer(db, request, answer);
    return { answer, repeated: false };
  });
  return first ?? { answer: (await findKept(database.db, request)) as T, repeated: true };
}

/** Another request was first with one of the keys: what was kept of the others is undone. */
class NotFirst extends Error {}

/** A transaction; undefined where it was not the first. */
async function ifFirst<T>(database: Database, work: (db: Db) => Promise<T>): Promise<T | undefined> {
  try {
    return await database.transaction(work);
  } catch (error) {
    if (error instanceof NotFirst) return undefined;
    throw error;
  }
}

/** The first answer, where there must have been one. @throws {AppError} `conflict`, `idempotency_key_reused` */
async function findKept(db: Db, request: IdempotentRequest): Promise<unknown> {
  const answer = await findFirst(db, request);
  if (answer !== undefined) return answer;
  throw new AppError('conflict', 'The first request with this key was withdrawn meanwhile.');
}

async function findFirst(db: Db, request: IdempotentRequest): Promise<unknown> {
  const [first, ...others] = await findAnswers(db, request);
  if (!first) return undefined;
  const isOther = (stored: StoredAnswer) =>
    !request.fingerprint.equals(stored.fingerprint) || !isDeepStrictEqual(stored.answer, first.answer);
  if (isOther(first) || others.some(isOther)) {
    throw new AppError('idempotency_key_reused', 'This idempotency key was used for another request.');
  }
  // A key that was not known yet is from now on: it may come alone the next time.
  if (others.length + 1 < request.keys.length) await keepAnswer(db, request, first.answer);
  return first.answer;
}

function withFingerprint({ userId, keys, request }: RepeatableRequest): IdempotentRequest | undefined {
  if (keys.length === 0) return undefined;
  return { userId, keys, fingerprint: createHash('sha256').update(JSON.stringify(request)).digest() };
}
