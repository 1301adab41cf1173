import { now } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { RateCounter, RateLimitStore } from './rate-limit-store.ts';

/** Longest that a request waits for being counted, in milliseconds. */
const TIMEOUT_MS = 500;
/** How long a store that did not answer is not asked again, in milliseconds. */
const PAUSE_MS = 2_000;

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

  async function ask(counter: RateCounter, act: (counter: RateCounter) => ReturnType<RateCounter['take']>) {
    try {
      return await inTime(act(counter));
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
      const counted = async (act: (counter: RateCounter) => ReturnType<RateCounter['take']>) =>
        (now() >= awayUntil && (await ask(counter, act))) || act(substitute);
      return {
        take: (key) => counted((each) => each.take(key)),
        giveBack: (key) => counted((each) => each.giveBack(key)),
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
