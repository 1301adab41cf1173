import { Redis } from 'ioredis';
import type { Logger } from './logger.ts';

/** How a connection to Redis is used. */
export interface RedisUse {
  /** Shows in `CLIENT LIST` and in the log. */
  name: string;
  /**
   * `command`: fails at once while Redis is away, so that nothing waits for it unnoticed.
   * `subscriber`: waits, and subscribes again by itself after a lost connection.
   */
  kind: 'command' | 'subscriber';
}

/** Silence after a command that counts as a lost connection, in milliseconds. */
const SOCKET_TIMEOUT_MS = 10_000;
/** Longest pause between two tries to connect again, in milliseconds. */
const MAX_RECONNECT_MS = 2_000;

/**
 * Connects to Redis. The connection comes back by itself after a loss.
 *
 * @throws when the first try fails
 */
export async function connectRedis(url: string, { name, kind }: RedisUse, log: Logger): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: `parley-${name}`,
    retryStrategy: (tries) => Math.min(tries * 50, MAX_RECONNECT_MS),
    ...(kind === 'command'
      ? { enableOfflineQueue: false, maxRetriesPerRequest: 0, socketTimeout: SOCKET_TIMEOUT_MS }
      : { maxRetriesPerRequest: null }),
  });
  redis.on('error', (error) => log.warn({ err: error, connection: name }, 'redis connection failed'));
  try {
    await redis.connect();
  } catch (error) {
    // It would go on trying, with nobody left to stop it.
    redis.disconnect();
    throw error;
  }
  return redis;
}

/** Ends a connection, also one that is lost. */
export function disconnectRedis(redis: Redis): void {
  redis.disconnect();
}
