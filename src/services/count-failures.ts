import { createHash } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import type { RateLimit } from './rate-limits.ts';

/**
 * Tries a password. Wrong ones are counted by e-mail address, whether it has an account or not; a right one takes
 * all of them back. Each is counted before it is looked at, so that of many at once no more than the limit are.
 *
 * @throws {AppError} `rate_limited` beyond the limit, and whatever `attempt` throws
 */
export async function countFailures<T>(
  limit: RateLimit,
  email: string,
  attempt: () => Promise<T>,
): Promise<T> {
  const key = accountKey(email);
  await limit.count(key);
  try {
    const result = await attempt();
    await limit.forget(key);
    return result;
  } catch (error) {
    // What failed for another reason is nobody's guess.
    const isWrong = error instanceof AppError && error.code === 'invalid_credentials';
    if (!isWrong) await limit.giveBack(key);
    throw error;
  }
}

/** An e-mail address as it is counted by: whatever its case, and not to be read in Redis. */
export const accountKey = (email: string): string =>
  createHash('sha256').update(email.toLowerCase()).digest('base64url');
