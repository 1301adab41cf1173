import type { Logger } from '../base/logger.ts';
import { GENERATION_QUEUE, type GenerationJob } from '../contracts/jobs.ts';
import { openQueue, type QueueBackend } from './queue-backend.ts';

/** The waiting line of generations. */
export interface GenerationQueue {
  /**
   * Adds a new generation; one that is waiting or running already is not added again.
   *
   * @throws when the backend does not answer; the sweeper adds it later
   */
  enqueue(generationId: string): Promise<void>;
  /** The same for a generation that may have been added before, and even begun. */
  enqueueAgain(generationId: string): Promise<void>;
  /** Takes a waiting generation out. One that a worker holds stays with it. */
  remove(generationId: string): Promise<void>;
  /** @throws when the backend does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Tries of one job when running it throws, which only a fault of ours or of the database does. */
const TRIES = 10;
/** Pause before the second try, in milliseconds; it doubles with each. */
const BACKOFF_MS = 500;

/** @throws when the backend cannot be reached */
export async function openGenerationQueue(backend: QueueBackend, log: Logger): Promise<GenerationQueue> {
  const { instance: queue, disconnect } = await openQueue<GenerationJob>(
    backend,
    GENERATION_QUEUE,
    {
      defaultJobOptions: {
        attempts: TRIES,
        backoff: { type: 'exponential', delay: BACKOFF_MS },
        removeOnComplete: true,
        removeOnFail: true,
      },
    },
    log,
  );
  queue.on('error', (error) => log.warn({ err: error }, 'queue connection failed'));
  await queue.waitUntilReady();
  const add = async (job: GenerationJob) => {
    await queue.add('generate', job, { jobId: job.generationId });
  };
  return {
    enqueue: (generationId) => add({ generationId, isFirst: true }),
    enqueueAgain: (generationId) => add({ generationId, isFirst: false }),
    async remove(generationId) {
      await queue.remove(generationId);
    },
    async ping() {
      await queue.getJobCounts('waiting');
    },
    close: () => queue.close().finally(disconnect),
  };
}
