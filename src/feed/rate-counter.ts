import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { RateCount, RateCounter, RatePolicy } from './rate-limit-store.ts';

/** What a limiter of the package is made with. */
export const limiterOptions = ({ name, limit, windowSeconds }: RatePolicy) => ({
  keyPrefix: `parley:limit:${name}`,
  points: limit,
  duration: windowSeconds,
});

/** A counter on a limiter of the package. */
export function rateCounter(limiter: RateLimiterAbstract, { limit }: RatePolicy): RateCounter {
  const asCount = (allowed: boolean, { remainingPoints, msBeforeNext }: RateLimiterRes): RateCount => ({
    allowed,
    remaining: Math.min(limit, Math.max(0, remainingPoints)),
    resetMs: Math.max(0, msBeforeNext),
  });
  const nothing: RateCount = { allowed: true, remaining: limit, resetMs: 0 };
  return {
    async take(key) {
      try {
        return asCount(true, await limiter.consume(key));
      } catch (refusal) {
        // It throws its counts when they are beyond the limit, and errors when it cannot count.
        if (refusal instanceof RateLimiterRes) return asCount(false, refusal);
        throw refusal;
      }
    },

    async read(key) {
      const counted = await limiter.get(key);
      return isRunning(counted) ? asCount(counted.consumedPoints <= limit, counted) : nothing;
    },

    async giveBack(key) {
      if (!isRunning(await limiter.get(key))) return nothing;
      return asCount(true, await limiter.reward(key));
    },

    async forget(key) {
      await limiter.delete(key);
    },
  };
}

/** Whether something was counted in a window that runs. */
const isRunning = (counted: RateLimiterRes | null): counted is RateLimiterRes =>
  counted !== null && counted.msBeforeNext > 0 && counted.consumedPoints > 0;
