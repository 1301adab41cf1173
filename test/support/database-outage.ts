import { QueryFailedError } from 'typeorm';
import type { Database, Db } from '../../src/data/database.ts';

/** A database that goes away when it is told to. */
export interface OutageDatabase extends Database {
  /** So many of the next transactions are refused. */
  refuse: number;
  /** So many of the next transactions are committed, and nobody hears of it. */
  loseAnswers: number;
  /** The next statement outside of transactions that is like this fails. */
  failOn: RegExp | undefined;
}

/** Puts outages before a database. Closing is left to the database itself. */
export function withOutages(database: Database): OutageDatabase {
  const query = async (sql: string, params: unknown[] = []) => {
    if (!outage.failOn?.test(sql)) return database.db.query(sql, params);
    outage.failOn = undefined;
    throw lost(sql);
  };
  const db = new Proxy(database.db, {
    get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
  }) as Db;
  const outage: OutageDatabase = {
    ...database,
    db,
    refuse: 0,
    loseAnswers: 0,
    failOn: undefined,
    async transaction(work) {
      if (outage.refuse > 0) {
        outage.refuse -= 1;
        throw lost('START TRANSACTION');
      }
      const result = await database.transaction(work);
      if (outage.loseAnswers === 0) return result;
      outage.loseAnswers -= 1;
      throw lost('COMMIT');
    },
  };
  return outage;
}

/** What TypeORM makes of a connection that ends while it waits for an answer. */
const lost = (sql: string): Error =>
  new QueryFailedError(sql, [], new Error('Connection terminated unexpectedly'));
