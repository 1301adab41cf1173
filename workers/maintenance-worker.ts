import type { Logger } from '../src/base/logger.ts';
import type { Core } from '../src/compose.ts';
import type { RunGeneration } from '../src/queue/generation-consumer.ts';
import { createPruneRecords } from '../src/services/prune-records.ts';
import { createSweepGenerations } from '../src/services/sweep-generations.ts';
import { startModelSyncWorker } from './model-sync-worker.ts';

/** The sweeper heals the queue, so it must not depend on one: a timer in every worker, harmless when doubled. */
const SWEEP_MS = 3_000;
const PRUNE_MS = 3_600_000;

/** Looks after what is left behind, and after the catalogue. @param run what the worker does with a generation */
export async function startMaintenanceWorker(core: Core, run: RunGeneration): Promise<void> {
  const { config, log, lifecycle, resources, queue } = core;
  const { database } = resources;
  startModelSyncWorker(core);
  const stops = [
    repeat('sweep', SWEEP_MS, createSweepGenerations({ database, queue, run, log }), log),
    repeat(
      'prune',
      PRUNE_MS,
      createPruneRecords({ database, log, usageRetentionDays: config.USAGE_RETENTION_DAYS }),
      log,
    ),
  ];
  lifecycle.onClose('maintenance worker', () => Promise.all(stops.map((stop) => stop())));
}

/** Does something at once and then again and again, never twice at the same time. Returns how to stop. */
function repeat(
  name: string,
  everyMs: number,
  work: () => Promise<unknown>,
  log: Logger,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let current: Promise<void>;
  const round = async () => {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error, task: name }, 'a maintenance task failed');
    }
    if (stopped) return;
    timer = setTimeout(() => {
      current = round();
    }, everyMs);
    timer.unref();
  };
  current = round();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await current;
  };
}
