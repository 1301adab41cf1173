import type { Config } from './base/config.ts';
import { notFound } from './base/errors.ts';
import type { Lifecycle } from './base/lifecycle.ts';
import type { Logger } from './base/logger.ts';
import { createMetrics } from './base/metrics.ts';
import { poolUse } from './data/pool-use.ts';
import { findKeptSession } from './data/repositories/sessions.ts';
import { createProviders } from './providers/registry.ts';
import { openGenerationQueue } from './queue/generation-queue.ts';
import type { Resources } from './resources.ts';
import { admissionLimits } from './services/admission-limits.ts';
import { createAnnouncer } from './services/announce.ts';
import { createAnnounceEnd } from './services/announce-end.ts';
import { createCatalogue } from './services/catalogue.ts';
import { checkNamedModels } from './services/check-named-models.ts';
import { createDefaultModel } from './services/default-model.ts';
import { createLiveMessages } from './services/live-messages.ts';
import { fingerprintEndpoints } from './services/provider-endpoints.ts';
import { createSyncModels } from './services/sync-models.ts';

/** What web and worker processes have in common. */
export type Core = Awaited<ReturnType<typeof composeCore>>;

/** Everything that composing takes. */
export interface ComposeOptions {
  config: Config;
  log: Logger;
  lifecycle: Lifecycle;
  resources: Resources;
}

/** Builds what web and worker processes have in common. */
export async function composeCore({ config, log, lifecycle, resources }: ComposeOptions) {
  const { database, feed, queueBackend } = resources;
  const inrPerUsd = config.USD_INR_RATE;
  const queue = await openGenerationQueue(queueBackend, log);
  lifecycle.onClose('queue', () => queue.close());
  const providers = createProviders(config);
  const catalogue = createCatalogue({ database, control: feed.control, log, served: providers.names });
  await catalogue.start();
  lifecycle.onClose('catalogue', () => catalogue.stop());
  checkNamedModels(config, catalogue.directory, log);
  const announce = createAnnouncer(feed.rooms, log);
  const metrics = createMetrics();
  metrics.gauge({
    name: 'parley_database_connections',
    help: 'Connections to PostgreSQL, and requests that wait for one',
    labels: ['state'],
    read() {
      const { open, idle, waiting } = poolUse(database);
      return Object.entries({ used: open - idle, idle, waiting }).map(([state, value]) => ({
        labels: { state },
        value,
      }));
    },
  });
  return {
    config,
    log,
    lifecycle,
    resources,
    metrics,
    inrPerUsd,
    limits: admissionLimits(config),
    queue,
    providers,
    catalogue,
    models: catalogue.directory,
    syncModels: createSyncModels({
      database,
      catalogue,
      providers: providers.names.flatMap((name) => providers.get(name) ?? []),
      endpoints: fingerprintEndpoints(config),
      log,
    }),
    defaultModel: createDefaultModel(config, providers.names, catalogue.directory),
    announce,
    announceEnd: createAnnounceEnd({ database, announce, inrPerUsd }),
    liveMessages: createLiveMessages({ database, live: feed.live, inrPerUsd }),
    /** @throws {AppError} `not_found` unless the session is one that the user keeps */
    async requireSession(userId: string, sessionId: string): Promise<void> {
      if (!(await findKeptSession(database.db, userId, sessionId))) throw notFound('session');
    },
  };
}
