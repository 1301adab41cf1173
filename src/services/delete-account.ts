import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Database, type Db, isLockTimeout } from '../data/database.ts';
import { type DeletedUser, deleteUserRows, lockForDeletion } from '../data/repositories/delete-user.ts';
import { findAccess, lockAccessChanges } from '../data/repositories/roles.ts';
import type { Feed } from '../feed/ports.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import type { AccessDirectory } from './access.ts';
import type { Announcer } from './announce.ts';
import { requireAdminLeft } from './change-access.ts';
import type { Revocations } from './revocations.ts';
import { STOP_TOPIC, type StopSignal } from './stop-generation.ts';

/** Which account is to go. */
export interface Deletion {
  userId: string;
  /** Called in the transaction, with the account locked and still whole; what it throws stops the deletion. May be called again when the transaction is. */
  approve?: (db: Db) => Promise<void>;
}

/**
 * Deletes an account with everything in it, for good: all of it or nothing. What runs is stopped, and every sign-in and key
 * is cut off, everywhere. What stays is the ledger and the use by day, of nobody.
 *
 * @returns false when there is no such account (any more)
 * @throws {AppError} `conflict` for the last account that may do everything; what `approve` throws
 */
export type DeleteAccount = (deletion: Deletion) => Promise<boolean>;

/** What deleting needs. */
export interface DeleteAccountDeps {
  database: Pick<Database, 'transaction'>;
  queue: Pick<GenerationQueue, 'remove'>;
  feed: Pick<Feed, 'control' | 'live'>;
  access: Pick<AccessDirectory, 'changed'>;
  revocations: Pick<Revocations, 'announce'>;
  announce: Announcer;
  log: Logger;
}

/** Sessions that are told of at once. */
const TOLD_AT_ONCE = 100;
/** How often a deletion is tried that had to give way, and the longest time in between, in milliseconds. */
const MAX_TRIES = 20;
const PAUSE_MS = 100;

/** Makes the verb. */
export function createDeleteAccount(deps: DeleteAccountDeps): DeleteAccount {
  const { database, queue, feed, access, revocations, announce, log } = deps;

  return async (deletion) => {
    const { userId } = deletion;
    const deleted = await untilFree((db) => removeRows(db, deletion));
    if (!deleted) return false;
    await spread(userId, deleted);
    const { sessionIds, credentialIds, open } = deleted;
    const counts = { sessions: sessionIds.length, credentials: credentialIds.length, open: open.length };
    log.info({ userId, ...counts }, 'account deleted');
    return true;
  };

  /** Somebody who is being deleted may be busy. */
  async function untilFree<T>(work: (db: Db) => Promise<T>): Promise<T> {
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      try {
        return await database.transaction(work);
      } catch (error) {
        if (!isLockTimeout(error)) throw error;
        await sleep(Math.random() * PAUSE_MS);
      }
    }
    throw new AppError('conflict', 'The account is in use. Try again.');
  }

  /** It is deleted: nothing of this may fail the request. Whoever is not told finds that there is nothing any more. */
  async function spread(userId: string, { sessionIds, credentialIds, open }: DeletedUser): Promise<void> {
    await quietly(access.changed(userId));
    const generationIds = open.map(({ id }) => id);
    if (open.length > 0)
      await quietly(feed.control.publish(STOP_TOPIC, { generationIds } satisfies StopSignal));
    for (let from = 0; from < sessionIds.length; from += TOLD_AT_ONCE) {
      const some = sessionIds.slice(from, from + TOLD_AT_ONCE);
      await Promise.all(
        some.map((sessionId) => announce.toSession(sessionId, 'session:delete', { sessionId })),
      );
    }
    // After the rooms have been told, so that who is in them hears it.
    await revocations.announce(credentialIds);
    await Promise.all(generationIds.map((id) => quietly(queue.remove(id))));
    await Promise.all(open.map((generation) => quietly(dropTexts(generation))));
  }

  /** Of every attempt; a worker that still writes drops its own, when it finds that it has lost the claim. */
  async function dropTexts({
    sessionId,
    messageId,
    attempt: last,
  }: DeletedUser['open'][number]): Promise<void> {
    if (messageId === null) return;
    for (let attempt = 1; attempt <= last; attempt++) await feed.live.drop({ sessionId, messageId, attempt });
  }

  async function quietly(done: Promise<void>): Promise<void> {
    await done.catch((error: unknown) => log.warn({ err: error }, 'a deletion was not spread'));
  }
}

/** What there was; undefined when there is no such account. */
async function removeRows(db: Db, { userId, approve }: Deletion): Promise<DeletedUser | undefined> {
  await lockAccessChanges(db);
  if (!(await lockForDeletion(db, userId))) return undefined;
  await approve?.(db);
  const access = await findAccess(db, userId);
  const gone = await deleteUserRows(db, userId);
  if (access?.allPermissions) await requireAdminLeft(db);
  return gone;
}
