import { RateLimiterMemory } from 'rate-limiter-flexible';
import { limiterOptions, rateCounter } from './rate-counter.ts';
import type { RateCounter, RateLimitStore } from './rate-limit-store.ts';

/** Rate limits of a single process. What was not used for a window is forgotten. */
export function createMemoryRateLimits(): RateLimitStore {
  const counters = new Map<string, RateCounter>();
  return {
    open(policy) {
      const counter =
        counters.get(policy.name) ?? rateCounter(new RateLimiterMemory(limiterOptions(policy)), policy);
      counters.set(policy.name, counter);
      return counter;
    },
  };
}
