import { type Database, openDatabase, rows } from '../../src/data/database.ts';
import type { TestDatabase } from './database.ts';

/** A database that takes the time from the test. */
export interface MovedClock {
  /** Connections for which `now()` is what was set. */
  database: Database;
  set(moment: string): Promise<void>;
}

/**
 * Puts a `now()` of our own before PostgreSQL's, for connections that are opened from here on; and a time zone that is
 * not UTC, so that what leans on it is found out. The database is the caller's to close.
 */
export async function moveClock({ db, url }: TestDatabase): Promise<MovedClock> {
  const [{ name } = { name: '' }] = await rows<{ name: string }>(db, 'SELECT current_database() AS name');
  for (const sql of [
    'CREATE SCHEMA clock',
    'CREATE TABLE clock.moment (at timestamptz NOT NULL)',
    'INSERT INTO clock.moment VALUES (pg_catalog.now())',
    `CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM clock.moment'`,
    `ALTER DATABASE ${name} SET search_path = clock, pg_catalog, public`,
    `ALTER DATABASE ${name} SET timezone = 'Asia/Kolkata'`,
  ]) {
    await db.query(sql);
  }
  const database = await openDatabase({ url, poolSize: 5 });
  return {
    database,
    async set(moment) {
      await database.db.query('UPDATE clock.moment SET at = $1', [moment]);
    },
  };
}
