import type { Logger } from '../base/logger.ts';
import { MODEL_SYNC_QUEUE } from '../contracts/jobs.ts';
import { closeWorker, openQueue, openWorker, type QueueBackend } from './queue-backend.ts';

/** What scheduling needs. */
export interface ModelSyncScheduleOptions {
  backend: QueueBackend;
  /** Time between two runs, in milliseconds. */
  everyMs: number;
  /**
   * May be called by several processes at once, and sooner than `everyMs` after the last time. `signal` aborts when this
   * process closes.
   */
  sync: (signal: AbortSignal) => Promise<unknown>;
  log: Logger;
}

/** A schedule that this process takes part in. */
export interface ModelSyncSchedule {
  /**
   * Has a run that goes on end, and waits for it. The schedule itself stays, for the other processes.
   *
   * @throws when that takes longer than a second; it is cut off from the queue in any case
   */
  close(): Promise<void>;
}

const SCHEDULE = 'every';
/** Jobs leave nothing behind: what came of a run stands in the catalogue and in the log. */
const JOB = { removeOnComplete: true, removeOnFail: true };
/** Longest that a run may take to end, and its worker with it, in milliseconds. */
const CLOSE_MS = 1_000;
/** A run asks all providers at once and takes seconds. */
const LOCK_MS = 60_000;

/**
 * Has the models synced again and again by whichever worker process is free, and once now: a schedule goes on where it
 * was when processes start again, and says nothing of one that was missed meanwhile.
 *
 * @throws when the backend cannot be reached
 */
export async function startModelSyncSchedule(options: ModelSyncScheduleOptions): Promise<ModelSyncSchedule> {
  const { backend, everyMs, sync, log } = options;
  const { instance: queue, disconnect } = await openQueue<object>(backend, MODEL_SYNC_QUEUE, {}, log);
  queue.on('error', (error) => log.warn({ err: error }, 'queue connection failed'));
  const closing = new AbortController();
  const opened = await openWorker<object>(
    backend,
    MODEL_SYNC_QUEUE,
    async () => {
      await sync(closing.signal);
    },
    { concurrency: 1, lockDuration: LOCK_MS },
    log,
  );
  const worker = opened.instance;
  worker.on('error', (error) => log.warn({ err: error }, 'model sync worker failed'));
  worker.on('failed', (_job, error) => log.warn({ err: error }, 'a model sync failed'));
  await queue.waitUntilReady();
  await queue.upsertJobScheduler(SCHEDULE, { every: everyMs }, { name: 'sync', data: {}, opts: JOB });
  // Of all processes that start at once, one adds it.
  await queue.add('sync', {}, { ...JOB, jobId: 'start' });
  return {
    async close() {
      closing.abort();
      try {
        await closeWorker(opened, CLOSE_MS);
      } finally {
        await queue.close().finally(disconnect);
      }
    },
  };
}
