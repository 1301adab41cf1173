import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises'; // holds the process open; base/clock's delay does not
import { newSecret } from '../base/secrets.ts';
import { errnoOf } from './embedded-postgres-error.ts';
import { inspectProcess } from './embedded-postgres-process.ts';

/** Who holds a lock: a pid alone is not enough, it may belong to another process by now. */
interface Holder {
  pid: number;
  startedAt: string;
}

/** What came of trying to take a lock. */
export type LockAttempt = { release: () => Promise<void> } | { heldByPid: number };

/**
 * Takes a lock file for this process. The lock of a process that is gone (after `kill -9`, a power cut, or
 * with its pid in use by another program) is taken over.
 *
 * @param file in a directory that exists
 */
export async function acquireLock(file: string): Promise<LockAttempt> {
  const me: Holder = { pid: process.pid, startedAt: (await inspectProcess(process.pid))?.startedAt ?? '' };
  const draft = `${file}.${newSecret(6)}`;
  await writeFile(draft, JSON.stringify(me), { mode: 0o600 });
  try {
    while (!(await linked(draft, file))) {
      const holder = await findHolder(file);
      if (holder) return { heldByPid: holder.pid };
      await removeStale(file);
    }
    return { release: () => rm(file, { force: true }) };
  } finally {
    await rm(draft, { force: true });
  }
}

/** A hard link makes the file together with its content or not at all; nobody reads a half-written lock. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The live process that holds a lock. A lock that cannot be read (cut short by a power failure) has none. */
async function findHolder(file: string): Promise<Holder | undefined> {
  const holder = parseHolder(await readIfThere(file));
  if (!holder) return undefined;
  const found = await inspectProcess(holder.pid);
  if (!found) return undefined;
  return found.startedAt === '' || found.startedAt === holder.startedAt ? holder : undefined;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, startedAt } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Removes a lock whose holder is gone. Only under a lock of its own, or a slow process would remove the new lock
 * of a faster one. That lock may be stale too, when a process died right here: the same rules apply to it.
 */
async function removeStale(file: string): Promise<void> {
  const guard = await acquireLock(`${file}.takeover`);
  if ('heldByPid' in guard) return sleep(5);
  try {
    if (!(await findHolder(file))) await rm(file, { force: true });
  } finally {
    await guard.release();
  }
}
