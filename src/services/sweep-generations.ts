import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { findExpired, findForgotten } from '../data/repositories/heartbeats.ts';
import type { RunGeneration } from '../queue/generation-consumer.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';

/** A job is added within milliseconds of its commit; after this long it was lost on the way. */
const QUEUED_MS = 5_000;
/** Several signs of life were missed. */
const SILENT_MS = 12_000;

/**
 * Queues again what a crash or a lost queue left behind: generations that wait without a job, and generations
 * whose worker is silent. Adding one that has a job changes nothing. What has waited for longer than its hold is given up,
 * without the queue, which may be what it waits for. Returns how many were looked at.
 */
export type SweepGenerations = () => Promise<number>;

/** Makes the verb. */
export function createSweepGenerations(deps: {
  database: Database;
  queue: GenerationQueue;
  run: RunGeneration;
  log: Logger;
}): SweepGenerations {
  const { database, queue, run, log } = deps;
  return async () => {
    const expired = await findExpired(database.db, { silentMs: SILENT_MS });
    for (const id of expired) {
      // One that cannot be ended must not keep the others from it, nor from the queue.
      await run({ generationId: id, isFirst: false }).catch((error: unknown) =>
        log.error({ err: error, generationId: id }, 'a generation could not be given up'),
      );
    }
    if (expired.length > 0) log.warn({ generations: expired.length }, 'given up');
    const forgotten = await findForgotten(database.db, { queuedMs: QUEUED_MS, silentMs: SILENT_MS });
    for (const id of forgotten) await queue.enqueueAgain(id);
    if (forgotten.length > 0) log.info({ generations: forgotten.length }, 'queued again');
    return expired.length + forgotten.length;
  };
}
