import type { Database, Db } from '../../src/data/database.ts';

/** A database that remembers what it was asked, outside of transactions. */
export interface SpiedDatabase extends Database {
  /** The statements, in order, with their parameters. */
  readonly asked: { sql: string; params: unknown[] }[];
}

/** Puts a spy before a database. Closing is left to the database itself. */
export function spyOn(database: Database): SpiedDatabase {
  const asked: SpiedDatabase['asked'] = [];
  const query = (sql: string, params: unknown[] = []) => {
    asked.push({ sql, params });
    return database.db.query(sql, params);
  };
  const db = new Proxy(database.db, {
    get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
  }) as Db;
  return { ...database, db, asked };
}
