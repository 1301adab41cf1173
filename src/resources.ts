import type { Config } from './base/config.ts';
import { failureWords } from './base/failure-words.ts';
import type { Lifecycle } from './base/lifecycle.ts';
import type { Logger } from './base/logger.ts';
import { type Database, openDatabase } from './data/database.ts';
import { assertSchemaCurrent, migrate } from './data/migrate.ts';
import { claimSoleProcess } from './data/sole-process.ts';
import { createMemoryFeed, type MemoryFeed } from './feed/memory.ts';
import type { Feed } from './feed/ports.ts';
import { openRedisFeed } from './feed/redis.ts';
import type { QueueBackend } from './queue/queue-backend.ts';

/** What a process stands on. Chosen here, once; nothing above knows which. */
export interface Resources {
  database: Database;
  feed: Feed;
  /** The same as `feed` in a single process: its rooms can be listened to without a broker. */
  memoryFeed: MemoryFeed | undefined;
  queueBackend: QueueBackend;
}

/** What opening takes. */
export interface OpenOptions {
  config: Config;
  log: Logger;
  lifecycle: Lifecycle;
  /** Told when the process must not go on. */
  onFatal: (error: unknown) => void;
  /** Of the configuration, or of the embedded PostgreSQL. */
  databaseUrl: string;
}

/**
 * Far longer than any ordinary statement takes, in milliseconds, and short enough that whoever has patience with an outage
 * (`data/outage.ts`) tries once more.
 */
const DATABASE_SILENCE_MS = 20_000;

/**
 * Opens the database, the feed and the queue's backend: those of the URLs, or those of a single process.
 *
 * @throws when one of them cannot be opened, naming the variable, or the schema is behind
 */
export async function openResources(options: OpenOptions): Promise<Resources> {
  const { config, log, lifecycle, onFatal, databaseUrl: url } = options;
  const database = await named(
    'DATABASE_URL',
    openDatabase({
      url,
      poolSize: config.DATABASE_POOL_SIZE,
      // The embedded one is migrated through the same connections, and no network is between it and us.
      ...(config.DATABASE_URL ? { silenceMs: DATABASE_SILENCE_MS } : {}),
    }),
  );
  lifecycle.onClose('database', () => database.close());
  if (config.DATABASE_URL) await assertSchemaCurrent(database);
  else await migrate(database);

  if (config.REDIS_URL) {
    const feed = await named('REDIS_URL', openRedisFeed(config.REDIS_URL, log));
    lifecycle.onClose('feed', () => feed.close());
    return { database, feed, memoryFeed: undefined, queueBackend: { kind: 'redis', url: config.REDIS_URL } };
  }
  const release = await claimSoleProcess(database, { onLost: onFatal });
  lifecycle.onClose('sole process', release);
  const memoryFeed = createMemoryFeed();
  lifecycle.onClose('feed', () => memoryFeed.close());
  return { database, feed: memoryFeed, memoryFeed, queueBackend: { kind: 'postgres', url } };
}

/** What `connect ECONNREFUSED` says, with the variable that whoever reads it can change. */
async function named<T>(variable: 'DATABASE_URL' | 'REDIS_URL', opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw new Error(`${variable}: cannot be used (${failureWords(error)}).`, { cause: error });
  }
}
