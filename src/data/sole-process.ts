import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.ts';

/** Any number will do, as long as every Parley process uses the same. */
const LOCK = 7_271_532_554;

/** Another process works on the database, and without Redis the two could not hear each other. */
export class NotAloneError extends Error {
  override readonly name = 'NotAloneError';
  constructor() {
    super('Another Parley process uses this database. To run several, give all of them the same REDIS_URL.');
  }
}

/** How long PostgreSQL may take to notice that a process before this one has crashed, in milliseconds. */
const CRASH_NOTICED_MS = 2_000;
const TRY_EVERY_MS = 50;

/**
 * Makes sure that this is the only process on the database, by a lock that ends with its connection. Returns how to
 * give it up.
 *
 * @param waitMs how long to wait for one that is just ending, in milliseconds
 * @throws {NotAloneError}
 */
export async function claimSoleProcess(
  { dataSource }: Database,
  waitMs = CRASH_NOTICED_MS,
): Promise<() => Promise<void>> {
  const holder = dataSource.createQueryRunner();
  const lock = async () => {
    const sql = 'SELECT pg_try_advisory_lock($1) AS locked';
    const [answer] = (await holder.query(sql, [LOCK])) as [{ locked: boolean }];
    return answer.locked;
  };
  const until = performance.now() + waitMs;
  while (!(await lock())) {
    if (performance.now() >= until) {
      await holder.release();
      throw new NotAloneError();
    }
    await sleep(TRY_EVERY_MS);
  }
  return async () => {
    await holder.query('SELECT pg_advisory_unlock($1)', [LOCK]);
    await holder.release();
  };
}
