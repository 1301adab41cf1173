import type { DataSource, EntityManager } from 'typeorm';
import { AppError } from '../base/errors.ts';
import { createDataSource, type DataSourceSettings } from './data-source.ts';

/** What repositories take: the pool, or a transaction. */
export type Db = EntityManager;

/** An open database. */
export interface Database {
  /** For single statements, each on any connection of the pool. */
  readonly db: Db;
  /** For `data/` alone: migrations, locks that a connection holds, what the pool is at. */
  readonly dataSource: DataSource;
  /**
   * Runs `work` in one transaction (READ COMMITTED): committed when it resolves, rolled back when it throws.
   * Tried again when PostgreSQL ended it in favour of another (deadlock, serialization), so `work` must have
   * no effects outside the database.
   */
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /** @throws when the database does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** @throws when the database cannot be reached */
export async function openDatabase(settings: DataSourceSettings): Promise<Database> {
  const dataSource = createDataSource(settings);
  await dataSource.initialize();
  return {
    db: dataSource.manager,
    dataSource,
    transaction: (work) => withRetry(() => dataSource.transaction(work)),
    ping: () => dataSource.query('SELECT 1'),
    close: async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
    },
  };
}

const MAX_TRIES = 3;
/** deadlock_detected, serialization_failure: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const RETRYABLE = new Set(['40P01', '40001']);

async function withRetry<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (tries === MAX_TRIES || !RETRYABLE.has(sqlState(error) ?? '')) throw error;
    }
  }
}

/** What PostgreSQL answers with; the codes of the system (`ECONNRESET`, `EPIPE`) name a call of it that failed, too. */
interface DriverError {
  code?: unknown;
  syscall?: unknown;
}

/** The SQLSTATE of a failed statement, where PostgreSQL has answered with one. */
export function sqlState(error: unknown): string | undefined {
  const { code, syscall } = (error as { driverError?: DriverError } | undefined)?.driverError ?? {};
  return typeof code === 'string' && syscall === undefined ? code : undefined;
}

/** Whether a statement failed because somebody else had what it was to lock, for longer than it was to wait. */
export const isLockTimeout = (error: unknown): boolean => sqlState(error) === '55P03';

/** Whether a statement failed because it would have stored something twice. */
export const isUniqueViolation = (error: unknown): boolean => sqlState(error) === '23505';

/**
 * The rows of a raw statement. TypeORM answers `[rows, count]` to UPDATE and DELETE, rows to the rest.
 *
 * @throws {AppError} `unauthenticated` when the account that a row is of was deleted meanwhile; what the database says
 */
export async function rows<T>(db: Db, sql: string, params: unknown[] = []): Promise<T[]> {
  const result: unknown = await db.query(sql, params).catch(refuse);
  return (isCounted(result) ? result[0] : result) as T[];
}

/** What is written for an account while it is deleted: whoever asked for it is told so, instead of a failure. */
function refuse(error: unknown): never {
  if (sqlState(error) !== '23503' || !constraintOf(error)?.endsWith('_user_id_fkey')) throw error;
  throw new AppError('unauthenticated', 'The account is not there any more.', { cause: error });
}

function constraintOf(error: unknown): string | undefined {
  return (error as { driverError?: { constraint?: string } }).driverError?.constraint;
}

function isCounted(result: unknown): result is [unknown[], number] {
  return (
    Array.isArray(result) && result.length === 2 && Array.isArray(result[0]) && typeof result[1] === 'number'
  );
}
