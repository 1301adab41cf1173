import type { Core } from '../src/compose.ts';
import { createRouter } from '../src/providers/router.ts';
import { type RunGeneration, startGenerationConsumer } from '../src/queue/generation-consumer.ts';
import { createTitleModel } from '../src/services/default-model.ts';
import { createFallbackModels, unusableFallbacks } from '../src/services/fallback-models.ts';
import { measureGenerations } from '../src/services/measure-generations.ts';
import { createPlanTitle } from '../src/services/plan-title.ts';
import { createProviderHealth } from '../src/services/provider-health.ts';
import { createRunGeneration } from '../src/services/run-generation.ts';
import { createRunTitle } from '../src/services/run-title.ts';
import { createRunningGenerations } from '../src/services/running-generations.ts';
import { createSettleGeneration } from '../src/services/settle-generation.ts';
import { createStartMeter } from '../src/services/start-meter.ts';
import { createStreamGeneration } from '../src/services/stream-generation.ts';

/** What handing over may take when the grace period has ended, in milliseconds. A queue that is away takes nothing back. */
const HANDOVER_MS = 1_500;

/**
 * Runs generations. At a stop, what runs has the grace period to finish, then another worker goes on. Returns what the
 * worker does with a generation.
 */
export async function startGenerationWorker(core: Core): Promise<RunGeneration> {
  const {
    config,
    log,
    lifecycle,
    resources,
    providers,
    models,
    announce,
    announceEnd,
    liveMessages,
    queue,
    inrPerUsd,
  } = core;
  const { database, feed, queueBackend } = resources;
  const health = createProviderHealth({ store: feed.health, control: feed.control, log });
  await health.start();
  const unusable = unusableFallbacks(config, models);
  if (unusable.length > 0) log.warn({ models: unusable }, 'fallbacks that cannot be asked here are left out');
  lifecycle.onClose('health of providers', () => health.stop());
  const measured = measureGenerations(core);
  const running = createRunningGenerations({
    database,
    control: feed.control,
    holdMinutes: config.HOLD_MINUTES,
    log,
  });
  const stream = measured.stream(
    createStreamGeneration({
      database,
      models,
      fallbacks: createFallbackModels(config, models),
      provider: (name) => providers.get(name),
      route: createRouter({ health: measured.health(health) }),
      log,
    }),
  );
  const run = createRunGeneration({
    database,
    live: feed.live,
    models,
    stream,
    startMeter: createStartMeter({ database, announce, overdraft: config.CREDIT_OVERDRAFT, log }),
    running,
    liveMessages,
    announce,
    announceEnd,
    settle: measured.settle(createSettleGeneration({ database, limits: core.limits, announce, announceEnd })),
    runTitle: createRunTitle({ database, stream, announce, inrPerUsd, log }),
    planTitle: createPlanTitle({
      database,
      queue,
      models,
      titleModel: createTitleModel(config, core.defaultModel),
      log,
    }),
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
  const graceMs = config.SHUTDOWN_GRACE_MS;
  lifecycle.onClose(
    'generation worker',
    () => Promise.all([consumer.close(graceMs + HANDOVER_MS), running.drain(graceMs)]),
    graceMs + 2 * HANDOVER_MS,
  );
  return run;
}
