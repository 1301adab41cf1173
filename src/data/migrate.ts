import { ADVISORY_LOCKS } from './advisory-locks.ts';
import { applySnapshot } from './apply-snapshot.ts';
import type { Database } from './database.ts';
import { loadModelSnapshot } from './model-snapshot.ts';

/** The database lacks migrations that this version of the code needs. */
export class SchemaBehindError extends Error {
  override readonly name = 'SchemaBehindError';
  constructor() {
    super('The database schema is behind this version of Parley. Run `npm run migrate` first.');
  }
}

/**
 * Brings the schema and the shipped catalogue up to date, one process at a time. Returns the names of the migrations it
 * ran.
 */
export async function migrate(database: Database): Promise<string[]> {
  const { dataSource } = database;
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCKS.migrate]);
    const ran = await dataSource.runMigrations();
    await applySnapshot(database, await loadModelSnapshot());
    return ran.map((migration) => migration.name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCKS.migrate]);
    await lock.release();
  }
}

/** @throws {SchemaBehindError} when a migration has not been run */
export async function assertSchemaCurrent({ dataSource }: Database): Promise<void> {
  if (await dataSource.showMigrations()) throw new SchemaBehindError();
}
