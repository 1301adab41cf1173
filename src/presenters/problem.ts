import { AppError, toProblem } from '../base/errors.ts';
import type { Problem } from '../contracts/errors.ts';
import { isOutage } from '../data/outage.ts';
import { BrokerAway } from '../feed/broker-away.ts';

/** Seconds: a restart of PostgreSQL takes about as long. */
const RETRY_AFTER_SECONDS = 2;

/** Turns anything thrown into the body that the client gets: a database, or a broker, that is away is nobody's mistake, and will be back. */
export function presentProblem(error: unknown, requestId: string): Problem {
  if (isOutage(error)) return toProblem(away('database', error), requestId);
  return toProblem(error instanceof BrokerAway ? away('broker', error) : error, requestId);
}

const away = (what: string, cause: unknown): AppError =>
  new AppError('not_ready', `The server cannot reach its ${what}. Try again.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
