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

/**
 * Makes sure that this is the only process on the database, by a lock that ends with its connection. Returns how to
 * give it up.
 *
 * @throws {NotAloneError}
 */
export async function claimSoleProcess({ dataSource }: Database): Promise<() => Promise<void>> {
  const holder = dataSource.createQueryRunner();
  const [{ locked }] = (await holder.query('SELECT pg_try_advisory_lock($1) AS locked', [LOCK])) as [
    { locked: boolean },
  ];
  if (!locked) {
    await holder.release();
    throw new NotAloneError();
  }
  return async () => {
    await holder.query('SELECT pg_advisory_unlock($1)', [LOCK]);
    await holder.release();
  };
}
