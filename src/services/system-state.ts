import { monitorEventLoopDelay } from 'node:perf_hooks';
import { now } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import { inTime } from '../base/in-time.ts';
import type { Logger } from '../base/logger.ts';
import type { SystemState } from '../contracts/routes/admin-system.ts';
import type { Database } from '../data/database.ts';
import { poolUse } from '../data/pool-use.ts';
import { listCatalogueStates } from '../data/repositories/catalogue-state.ts';
import { countModels, countOpenGenerations, findDatabaseVersion } from '../data/repositories/system-state.ts';
import type { Cooldown, Feed } from '../feed/ports.ts';
import type { QueueViewer } from '../queue/queue-viewer.ts';
import { modelOf, providerTarget } from './cooldown-targets.ts';

/** What telling the state of the system needs. */
export interface SystemStateDeps {
  version: string;
  config: Pick<Config, 'DATABASE_URL' | 'REDIS_URL' | 'production'>;
  database: Pick<Database, 'db' | 'dataSource' | 'ping'>;
  feed: Pick<Feed, 'ping' | 'health'>;
  viewer: Pick<QueueViewer, 'depths' | 'workers'>;
  /** Names of the providers that are served here. */
  served: readonly string[];
  log: Logger;
  /** What one part may take, in milliseconds. Default 2 s. */
  partTimeoutMs?: number;
}

/** Tells how the installation is. */
export interface SystemReporter {
  /** Asks all parts at once. What does not answer in time is told as failed: it never rejects. */
  report(): Promise<SystemState>;
  /** May be called twice. */
  stop(): void;
}

const PART_TIMEOUT_MS = 2_000;
const DELAY_RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;
/** What a failure says: nothing of what was thrown, which may name hosts. */
const NO_ANSWER = 'does not answer';

/** Makes the reporter; it watches the event loop until it is stopped. */
export function createSystemState(deps: SystemStateDeps): SystemReporter {
  const { version, config, database, feed, viewer, served, log, partTimeoutMs = PART_TIMEOUT_MS } = deps;
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();

  async function part<T extends object>(name: string, read: () => Promise<T>) {
    try {
      return { ok: true as const, ...(await inTime(read, partTimeoutMs)) };
    } catch (error) {
      log.warn({ err: error, part: name }, 'a part of the system does not answer');
      return { ok: false as const, error: NO_ANSWER };
    }
  }

  async function readDatabase() {
    const latencyMs = await timed(() => database.ping());
    const { open, idle, waiting, max } = poolUse(database);
    const connections = { used: open - idle, idle, waiting, max };
    return { latencyMs, version: await findDatabaseVersion(database.db), connections };
  }

  async function readCatalogue() {
    const [counts, states] = await Promise.all([
      countModels(database.db, served),
      listCatalogueStates(database.db),
    ]);
    const synced = states.map(({ provider, syncedAt }) => ({
      provider,
      syncedAt: syncedAt?.toISOString() ?? null,
    }));
    return { ...counts, synced };
  }

  /** How late timers were: a histogram has them with the time between two of its own. */
  function takeDelay() {
    const over = (ns: number) => Math.max(0, round(ns / NS_PER_MS - DELAY_RESOLUTION_MS));
    const taken = delay.count
      ? { mean: over(delay.mean), p99: over(delay.percentile(99)), max: over(delay.max) }
      : { mean: 0, p99: 0, max: 0 };
    delay.reset();
    return taken;
  }

  return {
    async report() {
      const { rss, heapUsed, heapTotal } = process.memoryUsage();
      const eventLoopDelayMs = takeDelay();
      const [databasePart, feedPart, queues, workers, generations, providers, catalogue] = await Promise.all([
        part('database', readDatabase),
        part('feed', async () => ({
          kind: config.REDIS_URL ? ('redis' as const) : ('memory' as const),
          latencyMs: await timed(() => feed.ping()),
        })),
        part('queues', async () => ({ queues: await viewer.depths() })),
        part('workers', async () => ({ workers: await viewer.workers() })),
        part('generations', () => countOpenGenerations(database.db)),
        part('providers', async () => ({ providers: describeHealth(served, await feed.health.cooldowns()) })),
        part('catalogue', readCatalogue),
      ]);
      return {
        version,
        node: process.version,
        environment: { kind: kindOf(config), production: config.production },
        process: {
          uptimeSeconds: round(process.uptime()),
          rssBytes: rss,
          heapUsedBytes: heapUsed,
          heapTotalBytes: heapTotal,
          eventLoopDelayMs,
        },
        database: databasePart,
        feed: feedPart,
        queues,
        workers,
        generations,
        providers,
        catalogue,
      };
    },
    stop: () => delay.disable(),
  };
}

function kindOf(config: SystemStateDeps['config']): SystemState['environment']['kind'] {
  if (config.REDIS_URL) return 'scaled';
  return config.DATABASE_URL ? 'single' : 'embedded';
}

/** Who is left alone now. */
function describeHealth(served: readonly string[], cooldowns: readonly Cooldown[]) {
  const current = cooldowns.filter(({ until }) => until > now());
  const iso = (until: number) => new Date(until).toISOString();
  return served.map((provider) => {
    const own = current.find(({ target }) => target === providerTarget(provider));
    const models = current.flatMap(({ target, until }) => {
      const model = modelOf(target);
      return model?.startsWith(`${provider}/`) ? [{ model, coolsUntil: iso(until) }] : [];
    });
    return { provider, coolsUntil: own ? iso(own.until) : null, models };
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return round(performance.now() - since);
}

const round = (value: number): number => Math.round(value * 100) / 100;
