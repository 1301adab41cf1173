import { execFile } from 'node:child_process';
import {
  lchown,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { newSecret } from '../base/secrets.ts';
import { EmbeddedPostgresError, errnoOf } from './embedded-postgres-error.ts';
import type { Owner, Runner } from './embedded-postgres-runner.ts';

/** The superuser of the embedded PostgreSQL, and the only one. */
export const POSTGRES_USER = 'parley';

/** Where everything of the embedded PostgreSQL lies: `<dataDir>/postgres` and what is in it. */
export interface ClusterPaths {
  home: string;
  /** PostgreSQL's own data directory. */
  pgdata: string;
  passwordFile: string;
  lockFile: string;
  logFile: string;
}

/**
 * Makes `<dataDir>/postgres`. A new data directory may be passed through by others (0711), as PostgreSQL may
 * have to run as another user; `postgres` inside it is closed (0700).
 */
export async function makeHome(dataDir: string): Promise<ClusterPaths> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const home = path.join(await realpath(dataDir), 'postgres');
  await mkdir(home, { recursive: true, mode: 0o700 });
  return pathsIn(home);
}

/** Where everything lies that {@link makeHome} has made before; undefined when there is nothing. */
export async function findHome(dataDir: string): Promise<ClusterPaths | undefined> {
  try {
    const paths = pathsIn(path.join(await realpath(dataDir), 'postgres'));
    return (await isInitialised(paths)) ? paths : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Connection URL with the password: not for logs. */
export const connectionUrl = (port: number, password: string): string =>
  `postgres://${POSTGRES_USER}:${password}@127.0.0.1:${port}/postgres`;

function pathsIn(home: string): ClusterPaths {
  return {
    home,
    pgdata: path.join(home, 'pgdata'),
    passwordFile: path.join(home, 'password'),
    lockFile: path.join(home, 'parley.lock'),
    logFile: path.join(home, 'postgres.log'),
  };
}

/** Whether `initdb` has been here. Only a clear "no" counts: what is there is never made anew. */
export async function isInitialised(paths: ClusterPaths): Promise<boolean> {
  try {
    await stat(paths.pgdata);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * The password that {@link initialise} made.
 *
 * @throws {EmbeddedPostgresError} `failed` when its file is gone
 */
export async function readPassword(paths: ClusterPaths): Promise<string> {
  try {
    return (await readFile(paths.passwordFile, 'utf8')).trim();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new EmbeddedPostgresError('failed', `The password file ${paths.passwordFile} is gone. Restore it.`);
  }
}

/** What {@link initialise} works with. */
export interface InitialiseOptions {
  paths: ClusterPaths;
  /** Directory of the binaries. */
  native: string;
  runner: Runner;
  signal?: AbortSignal | undefined;
}

/**
 * Makes the data directory and its password. Works in a temporary directory and renames it at the end, so that
 * `pgdata` is there as a whole or not at all.
 *
 * @throws {EmbeddedPostgresError} `failed`, with what `initdb` said
 */
export async function initialise({ paths, native, runner, signal }: InitialiseOptions): Promise<void> {
  await removeLeftovers(paths);
  await writeFile(paths.passwordFile, newSecret(), { mode: 0o600, flag: 'wx' });
  if (runner.owner) await lchown(paths.passwordFile, runner.owner.uid, runner.owner.gid);
  const draft = `${paths.pgdata}.new-${newSecret(6)}`;
  const [command = '', ...args] = [
    ...runner.prefix,
    path.join(native, 'bin', 'initdb'),
    ...['-D', draft, '-U', POSTGRES_USER, '-A', 'scram-sha-256', '--pwfile', paths.passwordFile],
    // The built-in locale sorts by code point and knows all of Unicode, whatever locales the machine has.
    ...['-E', 'UTF8', '--locale-provider', 'builtin', '--locale', 'C', '--builtin-locale', 'C.UTF-8'],
    '--no-instructions',
  ];
  try {
    await promisify(execFile)(command, args, {
      ...runner.options,
      cwd: paths.home,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    throw new EmbeddedPostgresError('failed', `initdb failed: ${saidBy(error)}`, { cause: error });
  }
  await rename(draft, paths.pgdata);
  await syncDirectory(paths.home);
}

const saidBy = (error: unknown) =>
  error instanceof Error && 'stderr' in error && error.stderr ? String(error.stderr).trim() : String(error);

/** What an `initdb` that was cut short left behind. The caller holds the lock, so nobody works on it. */
async function removeLeftovers(paths: ClusterPaths): Promise<void> {
  await rm(paths.passwordFile, { force: true });
  for (const name of await readdir(paths.home)) {
    if (name.startsWith('pgdata.new-'))
      await rm(path.join(paths.home, name), { recursive: true, force: true });
  }
}

/** Makes a rename survive a power cut. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}

/**
 * Gives the tree to the user that PostgreSQL runs as. The top goes last: if it belongs to the owner, all of it does.
 */
export async function giveTo(owner: Owner, home: string): Promise<void> {
  if ((await stat(home)).uid === owner.uid) return;
  for (const name of await readdir(home, { recursive: true })) {
    await lchown(path.join(home, name), owner.uid, owner.gid);
  }
  await lchown(home, owner.uid, owner.gid);
}
