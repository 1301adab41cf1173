import { AppError, toProblem } from '../base/errors.ts';
import type { Problem } from '../contracts/errors.ts';
import { isOutage } from '../data/outage.ts';

/** Seconds: a restart of PostgreSQL takes about as long. */
const RETRY_AFTER_SECONDS = 2;

/** Turns anything thrown into the body that the client gets: a database that is away is nobody's mistake, and will be back. */
export function presentProblem(error: unknown, requestId: string): Problem {
  return toProblem(isOutage(error) ? databaseAway(error) : error, requestId);
}

const databaseAway = (cause: unknown): AppError =>
  new AppError('not_ready', 'The server cannot reach its database. Try again.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
