import type { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { limiterOptions, rateCounter } from './rate-counter.ts';
import type { RateLimitStore } from './rate-limit-store.ts';

/** Rate limits of many processes, in Redis: a counter each that expires with its window, changed by one script. */
export function createRedisRateLimits(redis: Redis): RateLimitStore {
  return {
    open: (policy) =>
      rateCounter(new RateLimiterRedis({ ...limiterOptions(policy), storeClient: redis }), policy),
  };
}
