import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What the system tells about a running process. Fields are empty where it does not tell (Windows, hidepid). */
export interface ProcessInfo {
  /** Differs between two processes that had the same pid, also across reboots. */
  startedAt: string;
  /** The arguments, joined by spaces. */
  command: string;
}

const UNKNOWN: ProcessInfo = { startedAt: '', command: '' };

/**
 * Looks at a process. A zombie counts as not running: in containers and small VMs nobody may reap it,
 * and `kill(pid, 0)` calls it alive for ever.
 *
 * @returns undefined when it does not run
 */
export async function inspectProcess(pid: number): Promise<ProcessInfo | undefined> {
  if (!isAlive(pid)) return undefined;
  try {
    if (process.platform === 'linux') return await inspectProc(pid);
    if (process.platform === 'darwin') return await inspectPs(pid);
    return UNKNOWN;
  } catch {
    return isAlive(pid) ? UNKNOWN : undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: field 3 is the state, field 22 the start in ticks. */
async function inspectProc(pid: number): Promise<ProcessInfo | undefined> {
  const [stat, command, bootId] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ]);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X') return undefined;
  return { startedAt: `${bootId.trim()}/${ticks}`, command: command.split('\0').join(' ').trim() };
}

async function inspectPs(pid: number): Promise<ProcessInfo | undefined> {
  const args = ['-ww', '-o', 'state=,lstart=,command=', '-p', String(pid)];
  const { stdout } = await promisify(execFile)('/bin/ps', args, { env: { LC_ALL: 'C', TZ: 'UTC' } });
  const [, state, startedAt = '', command = ''] = /^(\S+)\s+(.{24})\s+(.*)$/.exec(stdout.trim()) ?? [];
  return state?.startsWith('Z') ? undefined : { startedAt, command };
}
