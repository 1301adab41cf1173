import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises'; // holds the process open; base/clock's delay does not
import { Client, DatabaseError } from 'pg';
import { now } from '../base/clock.ts';
import { POSTGRES_USER } from './embedded-postgres-cluster.ts';
import { EmbeddedPostgresError, errnoOf } from './embedded-postgres-error.ts';
import { inspectProcess } from './embedded-postgres-process.ts';

const POLL_MS = 25;
/** How long a server that we did not start may take to get ready or to go away. */
const SETTLE_TIMEOUT_MS = 60_000;

/** A server that answers. */
export interface RunningServer {
  pid: number;
  port: number;
}

/** Which server is meant, and how to prove that it is that one. */
export interface ServerIdentity {
  pgdata: string;
  password: string;
}

/**
 * The server that already runs on a data directory, perhaps left by a Parley that was killed. Waits for one
 * that is still starting or stopping.
 *
 * @returns undefined when none runs; a new one can start then
 * @throws {EmbeddedPostgresError} `failed` when it neither answers nor goes away within 60 s
 */
export async function findRunningServer(
  identity: ServerIdentity,
  signal?: AbortSignal,
): Promise<RunningServer | undefined> {
  const giveUpAt = now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const file = await readPidFile(identity.pgdata);
    if (!file) return undefined;
    if (!(await isServer(file.pid, identity.pgdata))) {
      await disarm(identity.pgdata);
      return undefined;
    }
    if (file.ready && (await answers(file.port, identity))) return { pid: file.pid, port: file.port };
    if (now() > giveUpAt) {
      throw new EmbeddedPostgresError(
        'failed',
        `A PostgreSQL (pid ${file.pid}) runs on ${identity.pgdata}, but neither answers nor stops. Stop it and try again.`,
      );
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Whether `pid` is the server of this data directory, and not a program that got the pid of one that is gone. */
export async function isServer(pid: number, pgdata: string): Promise<boolean> {
  const found = await inspectProcess(pid);
  return found !== undefined && (found.command === '' || found.command.includes(` -D ${pgdata} `));
}

/** Whether our server is ready: it says so in its pid file, and a connection proves it. */
export async function isReady(server: RunningServer, identity: ServerIdentity): Promise<boolean> {
  const file = await readPidFile(identity.pgdata);
  return file?.pid === server.pid && file.ready && (await answers(server.port, identity));
}

const pidFile = (pgdata: string) => path.join(pgdata, 'postmaster.pid');

/** https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/utils/pidfile.h lists the lines. */
async function readPidFile(pgdata: string): Promise<(RunningServer & { ready: boolean }) | undefined> {
  try {
    const lines = (await readFile(pidFile(pgdata), 'utf8')).split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Puts a pid that cannot exist into a pid file whose server is gone. PostgreSQL removes such a file itself, but
 * not while its pid belongs to a zombie or to another program. The other lines stay: by them PostgreSQL sees
 * whether children of the old server still work on the data. Nothing is cut off, as our pid is the longest.
 */
async function disarm(pgdata: string): Promise<void> {
  const handle = await open(pidFile(pgdata), 'r+');
  try {
    const [, ...rest] = (await handle.readFile('utf8')).split('\n');
    await handle.write(['2147483647', ...rest].join('\n'), 0);
  } finally {
    await handle.close();
  }
}

async function answers(port: number, { pgdata, password }: ServerIdentity): Promise<boolean> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: POSTGRES_USER,
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: 2_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    return path.resolve(rows[0]?.data_directory ?? '') === pgdata;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === INVALID_PASSWORD) {
      throw new EmbeddedPostgresError(
        'failed',
        `PostgreSQL on ${pgdata} refuses the password kept beside it.`,
      );
    }
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

const INVALID_PASSWORD = '28P01';
