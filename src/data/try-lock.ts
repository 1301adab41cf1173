import { ADVISORY_LOCKS } from './advisory-locks.ts';
import type { Database } from './database.ts';

/** What came of {@link withTryLock}. */
export type Locked<T> = { locked: true; result: T } | { locked: false };

/** Does `work` unless somebody else does work under the same lock, on whichever process. The lock ends with the process. */
export async function withTryLock<T>(
  { dataSource }: Pick<Database, 'dataSource'>,
  lock: keyof typeof ADVISORY_LOCKS,
  work: () => Promise<T>,
): Promise<Locked<T>> {
  const holder = dataSource.createQueryRunner();
  try {
    const sql = 'SELECT pg_try_advisory_lock($1) AS locked';
    const [answer] = (await holder.query(sql, [ADVISORY_LOCKS[lock]])) as [{ locked: boolean }];
    if (!answer.locked) return { locked: false };
    try {
      return { locked: true, result: await work() };
    } finally {
      await holder.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCKS[lock]]);
    }
  } finally {
    await holder.release();
  }
}
