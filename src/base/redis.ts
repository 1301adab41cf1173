import { Redis } from 'ioredis';
import type { Logger } from './logger.ts';

/** How a connection to Redis is used. */
export interface RedisUse {
  /** Shows in `CLIENT LIST` and in the log. */
  name: string;
  /**
   * `command`: fails at once while Redis is away, so that nothing waits for it unnoticed.
   * `subscriber`: waits, and subscribes again by itself after a lost connection. It is asked again and again whether it is
   * there: who only listens would not notice that nobody speaks any more.
   */
  kind: 'command' | 'subscriber';
  /**
   * Silence after a command that counts as a lost connection, in milliseconds. Default 10 s, and 15 s for a subscriber: on
   * copies of its connection BullMQ's workers wait for jobs, 10 s at a time.
   */
  silenceMs?: number;
}

const SILENCE_MS = { command: 10_000, subscriber: 15_000 };
/** How often a subscriber is asked while silence lasts. */
const PINGS = 3;
/** Longest pause between two tries to connect again, in milliseconds. */
const MAX_RECONNECT_MS = 2_000;

/**
 * Connects to Redis. The connection comes back by itself after a loss.
 *
 * @throws when the first try fails
 */
export async function connectRedis(
  url: string,
  { name, kind, silenceMs = SILENCE_MS[kind] }: RedisUse,
  log: Logger,
): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: `parley-${name}`,
    retryStrategy: (tries) => Math.min(tries * 50, MAX_RECONNECT_MS),
    socketTimeout: silenceMs,
    ...(kind === 'command'
      ? { enableOfflineQueue: false, maxRetriesPerRequest: 0 }
      : { maxRetriesPerRequest: null }),
  });
  let reason: Error | undefined;
  redis.on('error', (error) => {
    reason = error;
    log.warn({ err: error, connection: name }, 'redis connection failed');
  });
  try {
    await redis.connect();
  } catch (error) {
    // It would go on trying, with nobody left to stop it.
    redis.disconnect();
    // ioredis itself says no more than that the connection is closed.
    throw reason ?? error;
  }
  if (kind === 'subscriber') pingRegularly(redis, silenceMs / PINGS);
  return redis;
}

/** What comes of it is the business of the timeout. While the connection is away there is nobody to be asked. */
function pingRegularly(redis: Redis, everyMs: number): void {
  const timer = setInterval(() => {
    if (redis.status === 'ready') redis.ping().catch(() => {});
  }, everyMs);
  timer.unref();
  redis.once('end', () => clearInterval(timer));
}

/** Ends a connection, also one that is lost. */
export function disconnectRedis(redis: Redis): void {
  redis.disconnect();
}
