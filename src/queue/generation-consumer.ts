import { type Job, WaitingError } from 'bullmq';
import type { Logger } from '../base/logger.ts';
import { GENERATION_QUEUE, type GenerationJob } from '../contracts/jobs.ts';
import { closeWorker, type JobProcessor, openWorker, type QueueBackend } from './queue-backend.ts';

/** How a run ended: `done`, or `handed-over` for another worker to take at once. */
export type RunOutcome = 'done' | 'handed-over';

/** A generation that is to be run. */
export interface GenerationStart {
  generationId: string;
  /** Nobody was given it before, here or on any other machine. */
  isFirst: boolean;
}

/**
 * Runs one generation. May be called twice for the same generation, on two machines at once, as the lock of a job may be
 * lost while it runs: the claim decides.
 */
export type RunGeneration = (start: GenerationStart) => Promise<RunOutcome>;

/** What consuming needs. */
export interface ConsumerOptions {
  backend: QueueBackend;
  run: RunGeneration;
  /** Generations that run at once. */
  concurrency: number;
  log: Logger;
}

/** The side of the queue that runs generations. */
export interface GenerationConsumer {
  /**
   * Takes no new job from this call on; waits for what runs, and closes.
   *
   * @throws when that takes longer than `withinMs`; it is cut off from the queue in any case
   */
  close(withinMs: number): Promise<void>;
}

/**
 * A worker that dies is noticed when its lock has run out and the next check has come by:
 * 8 s + 3 s at the most, so that another one claims within the 15 s that are promised.
 */
const LOCK_MS = 8_000;
const STALLED_CHECK_MS = 3_000;
/**
 * How long an idle worker waits for the mark of a new job before it looks for itself, in seconds. A worker that is just
 * being closed may take that mark with it; then the job waits for this long.
 */
const IDLE_S = 1;
/** Deaths are counted in the generation, not here. */
const ANY_NUMBER = 1_000_000;

/** Starts to run generations. */
export async function startGenerationConsumer(options: ConsumerOptions): Promise<GenerationConsumer> {
  const { backend, run, concurrency, log } = options;
  let closing = false;
  const processor: JobProcessor<GenerationJob> = async (job, token) => {
    // BullMQ that was waiting for a job when it was closed may still take one.
    const outcome = closing ? 'handed-over' : await run(startOf(job));
    if (outcome === 'handed-over') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
  };
  const opened = await openWorker(
    backend,
    GENERATION_QUEUE,
    processor,
    {
      autorun: true,
      concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      drainDelay: IDLE_S,
      maxStalledCount: ANY_NUMBER,
    },
    log,
  );
  const worker = opened.instance;
  worker.on('error', (error) => log.warn({ err: error }, 'worker connection failed'));
  worker.on('failed', (job, error) =>
    log.error({ err: error, generationId: job?.data.generationId }, 'running a generation failed'),
  );
  await worker.waitUntilReady();
  return {
    close(withinMs) {
      closing = true;
      return closeWorker(opened, withinMs);
    },
  };
}

/** A job is started once more when its worker died, threw, or gave it back. */
function startOf({ data: { generationId, isFirst }, attemptsStarted }: Job<GenerationJob>): GenerationStart {
  return { generationId, isFirst: isFirst && attemptsStarted === 1 };
}
