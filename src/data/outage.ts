import { setTimeout as sleep } from 'node:timers/promises';
import { TypeORMError } from 'typeorm';
import { isConnectFailure } from './connection.ts';
import { sqlState } from './database.ts';

/**
 * That PostgreSQL takes no statements now: connection exceptions, shutting down, crashed, starting, full.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const AWAY = /^(?:08...|57P0[123]|53300)$/;
/** Pauses between tries, in milliseconds: each is twice the one before. */
const PAUSE_MS = { first: 50, most: 2_000 };
/** As long as a restart of PostgreSQL takes, or a failover that goes well. */
const TRY_FOR_MS = 30_000;

/**
 * Whether a statement failed because PostgreSQL was away, or went away meanwhile: then nobody knows whether it did what it
 * was to do. TypeORM's own errors, where PostgreSQL said nothing, are of connections that were lost under it.
 */
export function isOutage(error: unknown): boolean {
  if (isConnectFailure(error)) return true;
  const state = sqlState(error);
  return state === undefined ? error instanceof TypeORMError : AWAY.test(state);
}

/**
 * Does something while PostgreSQL comes and goes: again and again until it answers, for half a minute.
 *
 * @param work is told whether it may have been done before
 * @throws what PostgreSQL answers, and what failed last
 */
export async function throughOutage<T>(work: (again: boolean) => Promise<T>): Promise<T> {
  const until = performance.now() + TRY_FOR_MS;
  for (let pauseMs = 0; ; pauseMs = Math.min(pauseMs * 2 || PAUSE_MS.first, PAUSE_MS.most)) {
    if (pauseMs > 0) await sleep(pauseMs, undefined, { ref: false });
    try {
      return await work(pauseMs > 0);
    } catch (error) {
      if (!isOutage(error) || performance.now() > until) throw error;
    }
  }
}
