/** Why the embedded PostgreSQL did not start. */
export type EmbeddedPostgresErrorCode =
  /** There are no binaries for this machine, or they do not run here. */
  | 'unsupported'
  /** Another live process holds the data directory. */
  | 'in_use'
  /** A directory cannot be entered or written. */
  | 'unreachable'
  /** PostgreSQL itself gave up; the message holds what it said. */
  | 'failed';

/** The embedded PostgreSQL did not start. The message is for a person and says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The end of every message: what always helps. */
export const USE_OWN_SERVER = 'set DATABASE_URL to a PostgreSQL 14+ server of your own';

/** The code of a failed system call, such as `ENOENT`. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
