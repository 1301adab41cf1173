/** A failure as it may be logged. */
export interface LoggableFailure {
  type: string;
  message: string;
  stack: string | undefined;
  code?: unknown;
  cause?: LoggableFailure;
}

/** Most causes that are followed. */
const MAX_CAUSES = 5;

/**
 * What went wrong, without what it went wrong with: errors of the database carry the parameters of the
 * statement, and so passwords' hashes and the text of messages.
 */
export function describeFailure(error: unknown, depth = 0): LoggableFailure {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), stack: undefined };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined || depth === MAX_CAUSES
      ? {}
      : { cause: describeFailure(error.cause, depth + 1) }),
  };
}
