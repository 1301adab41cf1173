import type { Core } from '../src/compose.ts';
import { startGenerationConsumer } from '../src/queue/generation-consumer.ts';
import { createRunGeneration } from '../src/services/run-generation.ts';
import { createRunningGenerations } from '../src/services/running-generations.ts';
import { createSettleGeneration } from '../src/services/settle-generation.ts';

/** Runs generations. At a stop, what runs has the grace period to finish, then another worker goes on. */
export async function startGenerationWorker(core: Core): Promise<void> {
  const { config, log, lifecycle, resources, providers, models, announce, announceEnd, liveMessages } = core;
  const { database, feed, queueBackend } = resources;
  const running = createRunningGenerations({ database, control: feed.control, log });
  const run = createRunGeneration({
    database,
    live: feed.live,
    models,
    provider: (name) => providers.get(name),
    running,
    liveMessages,
    announce,
    announceEnd,
    settle: createSettleGeneration({ database, announce, announceEnd }),
    log,
  });
  running.start();
  lifecycle.onClose('running generations', () => running.stop());
  const consumer = await startGenerationConsumer({
    backend: queueBackend,
    run,
    concurrency: config.WORKER_CONCURRENCY,
    log,
  });
  lifecycle.onClose('generation worker', () =>
    Promise.all([consumer.close(), running.drain(config.SHUTDOWN_GRACE_MS)]),
  );
}
