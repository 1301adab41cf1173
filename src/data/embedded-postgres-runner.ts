import { execFile, type SpawnOptions } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../base/logger.ts';
import { EmbeddedPostgresError, USE_OWN_SERVER } from './embedded-postgres-error.ts';

/** How root runs PostgreSQL, which refuses to run as root. */
export type AsRoot =
  /** In a user namespace of its own: the files stay root's. */
  | 'user-namespace'
  /** As the user `postgres` or `nobody`, who then owns the directory. */
  | 'system-user';

/** How the programs of PostgreSQL are run on this machine. */
export interface Runner {
  /** What stands before the program: `unshare`, `setpriv`. */
  prefix: string[];
  /** Options for `spawn`: the environment (none of our secrets in it) and the user. */
  options: Pick<SpawnOptions, 'env' | 'uid' | 'gid' | 'windowsHide'>;
  /** Whom the files must belong to; undefined when that is us anyway. */
  owner: Owner | undefined;
}

export interface Owner {
  uid: number;
  gid: number;
}

/**
 * Decides how PostgreSQL runs: as us, or, when we are root, as somebody it accepts; and bound to our life
 * where the system can do that.
 *
 * @throws {EmbeddedPostgresError} `unsupported` when root finds nobody to run it as
 */
export async function chooseRunner(log: Logger, asRoot?: AsRoot): Promise<Runner> {
  const options = process.platform === 'win32' ? { windowsHide: true } : { env: UNIX_ENV };
  if (process.getuid?.() !== 0) return bindToOurLife({ prefix: [], options, owner: undefined });
  if (asRoot !== 'system-user' && (await succeeds(['unshare', '-U', 'true'], options))) {
    return bindToOurLife({ prefix: ['unshare', '-U'], options, owner: { uid: 0, gid: 0 } });
  }
  if (asRoot === 'user-namespace') {
    throw new EmbeddedPostgresError(
      'unsupported',
      'User namespaces are refused here (`unshare -U true` fails).',
    );
  }
  const { name, ...owner } = await findSystemUser();
  log.info({ user: name, ...owner }, 'PostgreSQL does not run as root: it runs as another user');
  return bindToOurLife({ prefix: [], options: { ...options, ...owner }, owner });
}

const UNIX_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/**
 * Lets Linux send PostgreSQL a SIGINT (a fast shutdown) when we die. Comes last in the prefix: entering a
 * namespace or changing the user may clear it again (prctl(2), PR_SET_PDEATHSIG).
 */
async function bindToOurLife(runner: Runner): Promise<Runner> {
  const prefix = [...runner.prefix, 'setpriv', '--pdeathsig', 'INT'];
  return (await succeeds([...prefix, 'true'], runner.options)) ? { ...runner, prefix } : runner;
}

async function succeeds([command = '', ...args]: string[], options: Runner['options']): Promise<boolean> {
  try {
    await promisify(execFile)(command, args, { ...options, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

async function findSystemUser(): Promise<Owner & { name: string }> {
  const rows = (await readFile('/etc/passwd', 'utf8')).split('\n').map((row) => row.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = rows.find((row) => row[0] === wanted) ?? [];
    if (name && uid && gid) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedPostgresError(
    'unsupported',
    'PostgreSQL does not run as root, user namespaces are refused, and there is no user `postgres` or `nobody`. ' +
      `Start Parley as an ordinary user, or ${USE_OWN_SERVER}.`,
  );
}

/** The topmost directory on the way to `target` that `owner` may not enter, judged by the permission bits. */
export async function findBarrier(target: string, owner: Owner): Promise<string | undefined> {
  const parent = path.dirname(target);
  const above = parent === target ? undefined : await findBarrier(parent, owner);
  if (above) return above;
  const info = await stat(target).catch(() => undefined);
  if (!info?.isDirectory()) return undefined;
  const shift = info.uid === owner.uid ? 6 : info.gid === owner.gid ? 3 : 0;
  return ((info.mode >> shift) & 1) === 1 ? undefined : target;
}
