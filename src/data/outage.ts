import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { tries } from '../base/tries.ts';
import { isConnectFailure } from './connection.ts';
import { sqlState } from './database.ts';

/**
 * That PostgreSQL takes no statements now: connection exceptions, shutting down, crashed, starting, full.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const AWAY = /^(?:08...|57P0[123]|53300)$/;
/** What TypeORM throws where PostgreSQL said nothing: the connection was lost under a statement, or a transaction. */
const LOST = [QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError];
/** As long as a restart of PostgreSQL takes, or a failover that goes well. */
const PATIENCE = { firstMs: 50, mostMs: 2_000, forMs: 30_000 };

/**
 * Whether a statement failed because PostgreSQL was away, or went away meanwhile: then nobody knows whether it did what it
 * was to do.
 */
export function isOutage(error: unknown): boolean {
  if (isConnectFailure(error)) return true;
  const state = sqlState(error);
  return state === undefined ? LOST.some((kind) => error instanceof kind) : AWAY.test(state);
}

/**
 * Does something while PostgreSQL comes and goes: again and again until it answers, for half a minute.
 *
 * @param work is told whether it may have been done before
 * @param signal ends the patience, see {@link tries}
 * @throws what PostgreSQL answers, and what failed last
 */
export async function throughOutage<T>(
  work: (again: boolean) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let failure: unknown;
  for await (const count of tries(PATIENCE, signal)) {
    try {
      return await work(count > 0);
    } catch (error) {
      if (!isOutage(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}
