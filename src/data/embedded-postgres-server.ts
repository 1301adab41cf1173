import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises'; // holds the process open; base/clock's delay does not
import { promisify } from 'node:util';
import { now } from '../base/clock.ts';
import type { ClusterPaths } from './embedded-postgres-cluster.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { isReady, isServer, type RunningServer } from './embedded-postgres-pidfile.ts';
import type { Runner } from './embedded-postgres-runner.ts';

const POLL_MS = 15;
const RETRY_MS = 2_000;
const RETRY_PAUSE_MS = 50;
/** Long, because replaying the log after a crash takes its time. */
const START_TIMEOUT_MS = 120_000;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '64MB',
  fsync: 'on',
  synchronous_commit: 'on',
  // The log is about the server; contents of rows and statements stay out of it.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

/** Another PostgreSQL is still going down, or somebody took the port between our choice and its use. */
const WORTH_A_RETRY = /lock file ".*" already exists|could not create any TCP\/IP sockets/;

/** What {@link launchServer} works with. */
export interface LaunchOptions {
  paths: ClusterPaths;
  /** Directory of the binaries. */
  native: string;
  runner: Runner;
  password: string;
  /** In the place of those of ours. */
  settings?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
}

/** A server that this process started. */
export interface LaunchedServer extends RunningServer {
  /** Resolves when it ends, with how it did. Never rejects. */
  exited: Promise<string>;
}

/**
 * Starts PostgreSQL on a free port of 127.0.0.1 and waits until it answers.
 *
 * @throws {EmbeddedPostgresError} `failed`, with what PostgreSQL said
 */
export async function launchServer(options: LaunchOptions): Promise<LaunchedServer> {
  const retryUntil = now() + RETRY_MS;
  for (;;) {
    try {
      return await launchOnce(options);
    } catch (error) {
      if (!(error instanceof EmbeddedPostgresError) || !WORTH_A_RETRY.test(error.message)) throw error;
      if (now() > retryUntil) throw error;
    }
    await sleep(RETRY_PAUSE_MS, undefined, { signal: options.signal });
  }
}

async function launchOnce(options: LaunchOptions): Promise<LaunchedServer> {
  const { paths, password, signal } = options;
  const port = await findFreePort();
  const log = await open(paths.logFile, 'a+', 0o600);
  const { size: logStart } = await log.stat();
  const child = spawnServer(options, port, log);
  const exited = untilExit(child);
  const server = { pid: child.pid ?? 0, port };
  try {
    const giveUpAt = now() + START_TIMEOUT_MS;
    while (isRunning(child)) {
      if (await isReady(server, { pgdata: paths.pgdata, password })) {
        child.unref();
        return { ...server, exited };
      }
      if (now() > giveUpAt)
        throw new EmbeddedPostgresError('failed', `PostgreSQL is not ready after ${START_TIMEOUT_MS} ms.`);
      await sleep(POLL_MS, undefined, { signal });
    }
    const said = await readFrom(log, logStart);
    throw new EmbeddedPostgresError(
      'failed',
      `The embedded PostgreSQL did not start (${await exited}).\n${said}`,
    );
  } catch (error) {
    if (isRunning(child)) await stopServer(server, options);
    throw error;
  } finally {
    await log.close();
  }
}

/** Detached, so that a Ctrl-C in the terminal reaches only us, and we stop PostgreSQL when nobody needs it. */
function spawnServer(options: LaunchOptions, port: number, log: FileHandle): ChildProcess {
  const { paths, native, runner } = options;
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const [command = '', ...args] = [
    ...runner.prefix,
    path.join(native, 'bin', 'postgres'),
    ...['-D', paths.pgdata, '-p', String(port), ...settings],
  ];
  return spawn(command, args, {
    ...runner.options,
    cwd: paths.home,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
}

const isRunning = (child: ChildProcess) =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

async function untilExit(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return signal ? `ended by ${signal}` : `exit code ${code}`;
  } catch (error) {
    return String(error);
  }
}

async function readFrom(file: FileHandle, position: number): Promise<string> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4_096), position });
  return buffer.toString('utf8', 0, bytesRead).trim();
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** How to stop: fast (ends sessions, writes everything down), then at once (the log is replayed at the next start). */
const STOP_STEPS = [
  { signal: 'INT', waitMs: 30_000 },
  { signal: 'QUIT', waitMs: 5_000 },
] as const;

/**
 * Stops a server, started by us or found, and waits until it is gone.
 *
 * @throws {EmbeddedPostgresError} `failed` when it does not go
 */
export async function stopServer(
  { pid }: RunningServer,
  { paths, native }: Pick<LaunchOptions, 'paths' | 'native'>,
): Promise<void> {
  for (const { signal, waitMs } of STOP_STEPS) {
    if (!(await isServer(pid, paths.pgdata))) return;
    await sendSignal(pid, signal, native);
    for (const giveUpAt = now() + waitMs; now() < giveUpAt; await sleep(POLL_MS)) {
      if (!(await isServer(pid, paths.pgdata))) return;
    }
  }
  throw new EmbeddedPostgresError('failed', `PostgreSQL (pid ${pid}) does not stop.`);
}

/** Windows has no signals; PostgreSQL has its own there, which `pg_ctl kill` sends. */
async function sendSignal(pid: number, signal: 'INT' | 'QUIT', native: string): Promise<void> {
  if (process.platform !== 'win32') process.kill(pid, `SIG${signal}`);
  else await promisify(execFile)(path.join(native, 'bin', 'pg_ctl'), ['kill', signal, String(pid)]);
}
