import { ERRORS, type ErrorCode, type FieldError, type Problem } from '../contracts/errors.ts';

/** What an {@link AppError} may carry beside its code. */
export interface AppErrorOptions {
  /** The refused fields, for `validation_failed` and its like. */
  errors?: FieldError[];
  /** Seconds after which a repeat makes sense; becomes `Retry-After`. */
  retryAfterSeconds?: number;
  /** What went wrong underneath; logged, never sent. */
  cause?: unknown;
}

/**
 * A failure that the caller is meant to see. Everything else that is thrown is answered as a plain
 * `internal` with nothing of the inside.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.status = ERRORS[code].status;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A refused field, as an error. `path` as in `body.content`. */
export function invalidField(path: string, message: string): AppError {
  return new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] });
}

/** A refusal of `root`, or of fields under it, for a caller who gave it as `given`; anything else stays as it is. */
export function asGiven(error: unknown, root: string, given: string): unknown {
  if (!(error instanceof AppError) || !error.errors) return error;
  const renamed = (text: string) =>
    text.startsWith(root) && /^$|[.:]/.test(text.charAt(root.length))
      ? given + text.slice(root.length)
      : text;
  const errors = error.errors.map(({ path, message }) => ({ path: renamed(path), message }));
  return new AppError(error.code, renamed(error.message), { errors, cause: error });
}

/**
 * The same answer for a record that is not there and for one that belongs to somebody else.
 *
 * @param path the field that names it, as in `body.groupId`; left out where the address does
 */
export function notFound(what: string, path?: string): AppError {
  const errors = path === undefined ? {} : { errors: [{ path, message: `names no ${what} that there is` }] };
  return new AppError('not_found', `There is no such ${what}.`, errors);
}

/** Whether something went wrong on this side: what is not set up is so because somebody wants it so. */
export const isFailure = ({ status, code }: Pick<Problem, 'status' | 'code'>): boolean =>
  status >= 500 && code !== 'not_configured';

/** At least one: who comes back at once is refused again. */
const wholeSeconds = (seconds: number): number => Math.max(1, Math.ceil(seconds));

/** Turns anything thrown into the body that the client gets. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = error instanceof AppError ? error : undefined;
  const code = known?.code ?? 'internal';
  return {
    type: `urn:parley:error:${code}`,
    title: ERRORS[code].title,
    status: ERRORS[code].status,
    code,
    detail: known?.message ?? 'The server failed to answer this request. The failure has been logged.',
    requestId,
    ...(known?.errors ? { errors: known.errors } : {}),
    ...(known?.retryAfterSeconds === undefined
      ? {}
      : { retryAfterSeconds: wholeSeconds(known.retryAfterSeconds) }),
  };
}
