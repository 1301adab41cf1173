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

    async giveBack(key) {
      const counted = await limiter.get(key);
      const running = counted && counted.msBeforeNext > 0 && counted.consumedPoints > 0;
      if (!running) return { allowed: true, remaining: limit, resetMs: 0 };
      return asCount(true, await limiter.reward(key));
    },

    async forget(key) {
      await limiter.delete(key);
    },
  };
}
