import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import { ADVISORY_LOCKS } from './advisory-locks.ts';
import type { Database } from './database.ts';
import { isOutage, throughOutage } from './outage.ts';

/** Another process works on the database, and without Redis the two could not hear each other. */
export class NotAloneError extends Error {
  override readonly name = 'NotAloneError';
  constructor() {
    super('Another Parley process uses this database. To run several, give all of them the same REDIS_URL.');
  }
}

/** How long PostgreSQL may take to notice that a process before this one has crashed, in milliseconds. */
const CRASH_NOTICED_MS = 2_000;
const TRY_EVERY_MS = 50;

/** How to be alone. */
export interface SoleProcessOptions {
  /** How long to wait for one that is just ending, in milliseconds. */
  waitMs?: number;
  /** Told when the lock went with its connection, and could not be had again: another process has it. This one must end. */
  onLost: (error: unknown) => void;
}

/**
 * Makes sure that this is the only process on the database, by a lock that ends with its connection. Whenever PostgreSQL
 * has ended that, the lock is taken again. Returns how to give it up.
 *
 * @throws {NotAloneError}
 */
export async function claimSoleProcess(
  { dataSource }: Database,
  { waitMs = CRASH_NOTICED_MS, onLost }: SoleProcessOptions,
): Promise<() => Promise<void>> {
  let holder: QueryRunner | undefined;
  let backend: Backend | undefined;
  let isOver = false;

  const claim = async () => {
    if (isOver) return;
    const claimed = await lock(dataSource, {
      waitMs,
      before: backend,
      lost: () => (claiming = claimAgain()),
    });
    ({ holder, backend } = claimed);
  };
  async function claimAgain(): Promise<void> {
    holder = undefined;
    while (!isOver && !holder) {
      await throughOutage(claim).catch((error: unknown) => {
        if (isOver || isOutage(error)) return;
        isOver = true;
        onLost(error);
      });
    }
  }

  let claiming = claim();
  await claiming;
  return async () => {
    isOver = true;
    await claiming;
    if (holder) await unlock(holder);
  };
}

/** The other end of a connection. */
interface Backend {
  pid: number;
  /** With the pid it is the only one. */
  startedAt: string;
}

interface LockOptions {
  waitMs: number;
  /** The other end of a connection of ours that is lost: PostgreSQL may take it for alive for hours, and the lock with it. */
  before: Backend | undefined;
  /** Called when the connection ends. */
  lost: () => void;
}

/** Opens a connection that has the lock. @throws {NotAloneError} */
async function lock(
  dataSource: DataSource,
  { waitMs, before, lost }: LockOptions,
): Promise<{ holder: QueryRunner; backend: Backend }> {
  const holder = dataSource.createQueryRunner();
  try {
    const connection = (await holder.connect()) as Client;
    const backend = await backendOf(holder);
    if (before) await endBackend(holder, before);
    const until = performance.now() + waitMs;
    while (!(await tryLock(holder))) {
      if (performance.now() >= until) throw new NotAloneError();
      await sleep(TRY_EVERY_MS);
    }
    connection.once('end', lost);
    return { holder, backend };
  } catch (error) {
    await holder.release();
    throw error;
  }
}

async function backendOf(holder: QueryRunner): Promise<Backend> {
  const sql = `SELECT pid, backend_start::text AS "startedAt" FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
  const [backend] = (await holder.query(sql)) as [Backend];
  return backend;
}

/** PostgreSQL lets a role end the connections of the same role. */
async function endBackend(holder: QueryRunner, { pid, startedAt }: Backend): Promise<void> {
  const one = 'pid = $1 AND backend_start = $2::timestamptz';
  await holder.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${one}`, [pid, startedAt]);
}

async function tryLock(holder: QueryRunner): Promise<boolean> {
  const [answer] = (await holder.query('SELECT pg_try_advisory_lock($1) AS locked', [
    ADVISORY_LOCKS.soleProcess,
  ])) as [{ locked: boolean }];
  return answer.locked;
}

async function unlock(holder: QueryRunner): Promise<void> {
  await holder.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCKS.soleProcess]);
  await holder.release();
}
