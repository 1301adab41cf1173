import { now } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { RateCounter, RateLimitStore } from './rate-limit-store.ts';

/** Longest that a request waits for being counted, in milliseconds. */
const TIMEOUT_MS = 500;
/** How long a store that did not answer is not asked again, in milliseconds. */
const PAUSE_MS = 2_000;

type Act<T> = (counter: RateCounter) => Promise<T>;

/**
 * A store whose counters always answer, and soon: while `store` does not, `insurance` counts in its place. No request
 * fails, or waits, because it could not be counted.
 */
export function insureRateLimits(
  store: RateLimitStore,
  insurance: RateLimitStore,
  log: Logger,
): RateLimitStore {
  let awayUntil = 0;

  /** Undefined when it does not answer. */
  async function ask<T>(counter: RateCounter, act: Act<T>): Promise<{ answer: T } | undefined> {
    if (now() < awayUntil) return undefined;
    try {
      return { answer: await inTime(act(counter)) };
    } catch (error) {
      // Of all that were waiting, one says so.
      if (now() >= awayUntil) log.warn({ err: error }, 'rate limits are counted by this process alone');
      awayUntil = now() + PAUSE_MS;
      return undefined;
    }
  }

  return {
    open(policy) {
      const [counter, substitute] = [store.open(policy), insurance.open(policy)];
      const counted = async <T>(act: Act<T>): Promise<T> =>
        ((await ask(counter, act)) ?? { answer: await act(substitute) }).answer;
      return {
        take: (key) => counted((each) => each.take(key)),
        read: (key) => counted((each) => each.read(key)),
        giveBack: (key) => counted((each) => each.giveBack(key)),
        async forget(key) {
          // Both: what was counted while the store was away is not to come back with the next time.
          await substitute.forget(key);
          await ask(counter, (each) => each.forget(key));
        },
      };
    },
  };
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const fail = () => reject(new Error(`no answer in ${TIMEOUT_MS} ms`));
    // After what has arrived meanwhile: it may be this process that was busy.
    timer = setTimeout(() => setImmediate(fail), TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
