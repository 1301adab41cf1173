import path from 'node:path';
import { now } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { findBinaries } from './embedded-postgres-binaries.ts';
import {
  type ClusterPaths,
  connectionUrl,
  giveTo,
  initialise,
  isInitialised,
  makeHome,
  readPassword,
} from './embedded-postgres-cluster.ts';
import { EmbeddedPostgresError, errnoOf, USE_OWN_SERVER } from './embedded-postgres-error.ts';
import { acquireLock } from './embedded-postgres-lock.ts';
import { findRunningServer, type RunningServer } from './embedded-postgres-pidfile.ts';
import { type AsRoot, chooseRunner, findBarrier, type Runner } from './embedded-postgres-runner.ts';
import { launchServer, stopServer } from './embedded-postgres-server.ts';

/** What {@link startEmbeddedPostgres} works with. */
export interface EmbeddedPostgresOptions {
  /** `DATA_DIR`; everything goes under `postgres` inside it. One Parley process at a time may use it. */
  dataDir: string;
  log: Logger;
  /** Gives up a start that is under way. */
  signal?: AbortSignal;
  /**
   * How root runs PostgreSQL; without effect for other users. Unset: in a user namespace where the system
   * allows that, as the user `postgres` or `nobody` where it does not.
   */
  asRoot?: AsRoot;
  /** Settings of PostgreSQL in the place of ours: for data that nobody would miss. */
  settings?: Record<string, string>;
}

/** A PostgreSQL of our own. */
export interface EmbeddedPostgres {
  /** Connection URL with the password: not for logs. */
  readonly url: string;
  /** Whether it ran already, left by a Parley that was killed. */
  readonly adopted: boolean;
  /** Fast shutdown; waits for it. May be called twice, never rejects. */
  stop(): Promise<void>;
}

/**
 * Runs the PostgreSQL that comes with Parley (`docs/decisions/0001-embedded-postgres.md`). It stops when this
 * process dies, on Linux even by `kill -9`; elsewhere the next start adopts it.
 *
 * @throws {EmbeddedPostgresError} with a message that says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, signal } = options;
  const startedAt = now();
  signal?.throwIfAborted();
  const native = await findBinaries();
  const { paths, release } = await openHome(dataDir);
  try {
    const server = await findOrLaunch(options, { paths, native });
    const { pid, port, adopted } = server;
    log.info({ postgresPid: pid, port, adopted, ms: now() - startedAt }, 'the embedded PostgreSQL is ready');
    const close = () => stopServer(server, { paths, native }).finally(release);
    return toHandle(server, close, log);
  } catch (error) {
    await release();
    signal?.throwIfAborted();
    throw error;
  }
}

/** Makes the directory and takes its lock. */
async function openHome(dataDir: string): Promise<{ paths: ClusterPaths; release: () => Promise<void> }> {
  try {
    const paths = await makeHome(dataDir);
    const lock = await acquireLock(paths.lockFile);
    if ('release' in lock) return { paths, release: lock.release };
    throw new EmbeddedPostgresError(
      'in_use',
      `The data directory ${path.dirname(paths.home)} is already in use by pid ${lock.heldByPid}. ` +
        `Stop that Parley, set DATA_DIR to another directory, or ${USE_OWN_SERVER}.`,
    );
  } catch (error) {
    if (!ACCESS_ERRORS.has(errnoOf(error) ?? '')) throw error;
    throw new EmbeddedPostgresError(
      'unreachable',
      `The data directory ${path.resolve(dataDir)} cannot be used (${String(error)}). ` +
        `Give it to the user that runs Parley, set DATA_DIR to another directory, or ${USE_OWN_SERVER}.`,
      { cause: error },
    );
  }
}

const ACCESS_ERRORS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST']);

interface Place {
  paths: ClusterPaths;
  native: string;
}

interface OpenedServer extends RunningServer {
  adopted: boolean;
  password: string;
  /** Only of a server that we started. */
  exited?: Promise<string>;
}

async function findOrLaunch(
  options: EmbeddedPostgresOptions,
  { paths, native }: Place,
): Promise<OpenedServer> {
  const { log, signal, asRoot, settings } = options;
  const initialised = await isInitialised(paths);
  if (initialised) {
    const password = await readPassword(paths);
    const found = await findRunningServer({ pgdata: paths.pgdata, password }, signal);
    if (found) return { ...found, adopted: true, password };
  }
  const runner = await chooseRunner(log, asRoot);
  try {
    if (runner.owner) await giveTo(runner.owner, paths.home);
    if (!initialised) await initialise({ paths, native, runner, signal });
    const password = await readPassword(paths);
    const launched = await launchServer({ paths, native, runner, password, settings, signal });
    return { ...launched, adopted: false, password };
  } catch (error) {
    throw (await explainBarrier(runner, { paths, native }, error)) ?? error;
  }
}

/** The usual reason why PostgreSQL fails under root: the user it runs as may not pass a directory above. */
async function explainBarrier({ owner }: Runner, { paths, native }: Place, cause: unknown) {
  if (!owner) return undefined;
  const aboveData = await findBarrier(paths.home, owner);
  const barrier = aboveData ?? (await findBarrier(path.join(native, 'bin'), owner));
  if (!barrier) return undefined;
  const who = owner.uid === 0 ? 'as root without its special rights' : `as uid ${owner.uid}`;
  return new EmbeddedPostgresError(
    'unreachable',
    `PostgreSQL runs ${who} here and may not enter ${barrier}. Run \`chmod a+x ${barrier}\`, ` +
      `${aboveData ? 'set DATA_DIR to a directory outside it' : 'install Parley outside it'}, ` +
      `start Parley as the user that owns it, or ${USE_OWN_SERVER}.`,
    { cause },
  );
}

function toHandle(server: OpenedServer, close: () => Promise<void>, log: Logger): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  void server.exited?.then((how) => {
    if (!stopping) log.error({ postgresPid: server.pid, how }, 'the embedded PostgreSQL ended by itself');
  });
  return {
    url: connectionUrl(server.port, server.password),
    adopted: server.adopted,
    stop() {
      stopping ??= close().catch((error: unknown) => {
        log.error({ err: error, postgresPid: server.pid }, 'failed to stop the embedded PostgreSQL');
      });
      return stopping;
    },
  };
}
