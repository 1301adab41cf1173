import { AppError } from '../base/errors.ts';
import type { RateCount, RateLimitStore, RatePolicy } from '../feed/rate-limit-store.ts';
import { inWords, waitInWords } from './duration-words.ts';
import type { RatePolicies } from './rate-policies.ts';

/** How much of a limit is left to whoever was just counted. */
export interface RateLimitState extends RatePolicy {
  remaining: number;
  /** Until the window ends; rounded up. */
  resetSeconds: number;
}

/** Is told of a limit as it stands, for the headers of an answer. */
export type OnRateLimit = (state: RateLimitState) => void;

/** Who asks for something that is counted. */
export interface Counted {
  userId: string;
  onRateLimit?: OnRateLimit | undefined;
}

/** One limit. */
export interface RateLimit {
  /** Counts one. @throws {AppError} `rate_limited` beyond the limit */
  count(key: string, onState?: OnRateLimit): Promise<void>;
  /** How it stands, with nothing counted; undefined: there is no limit. */
  read(key: string): Promise<RateLimitState | undefined>;
  /** Takes one back that was counted. */
  giveBack(key: string, onState?: OnRateLimit): Promise<void>;
  /** Takes back all that was counted of a key. */
  forget(key: string): Promise<void>;
}

/** The limit of each class of routes. */
export type RateLimits = Record<keyof RatePolicies, RateLimit>;

/** Who may do what so often, for people. */
const SENTENCES: Record<keyof RatePolicies, (times: number) => string> = {
  global: (times) => `Your network address may send ${times} requests`,
  auth: (times) => `Your network address may try to sign in ${times} times`,
  generation: (times) => `You may ask for replies ${times} times`,
  login: (times) => `A wrong password may be given ${times} times for an account`,
  resetMail: (times) => `A new password may be asked for ${times} times`,
};

/** Opens the limits; a class without a policy has none. */
export function createRateLimits(policies: RatePolicies, store: RateLimitStore): RateLimits {
  const open = (name: keyof RatePolicies) => {
    const policy = policies[name];
    return policy ? openLimit({ name, ...policy }, SENTENCES[name](policy.limit), store) : UNLIMITED;
  };
  return {
    global: open('global'),
    auth: open('auth'),
    generation: open('generation'),
    login: open('login'),
    resetMail: open('resetMail'),
  };
}

/**
 * Does what starts replies, and counts it as one. What is refused, or fails, is not counted: it used up nothing.
 * It is counted before it is done, so that of many at once no more than the limit get through.
 *
 * @throws {AppError} `rate_limited`, and whatever `work` throws
 */
export async function countedGeneration<T>(
  limit: RateLimit,
  { userId, onRateLimit }: Counted,
  work: () => Promise<T>,
): Promise<T> {
  await limit.count(userId, onRateLimit);
  try {
    return await work();
  } catch (error) {
    await limit.giveBack(userId, onRateLimit);
    throw error;
  }
}

const UNLIMITED: RateLimit = {
  async count() {},
  read: async () => undefined,
  async giveBack() {},
  async forget() {},
};

function openLimit(policy: RatePolicy, sentence: string, store: RateLimitStore): RateLimit {
  const counter = store.open(policy);
  const stateOf = ({ remaining, resetMs }: RateCount): RateLimitState => ({
    ...policy,
    remaining,
    resetSeconds: Math.ceil(resetMs / 1_000),
  });
  return {
    async count(key, onState) {
      const counted = await counter.take(key);
      const state = stateOf(counted);
      onState?.(state);
      if (counted.allowed) return;
      const retryAfterSeconds = Math.max(1, state.resetSeconds);
      const wait = waitInWords(retryAfterSeconds);
      throw new AppError(
        'rate_limited',
        `${sentence} in ${inWords(policy.windowSeconds)}. Try again in ${wait}.`,
        { retryAfterSeconds },
      );
    },

    read: async (key) => stateOf(await counter.read(key)),

    async giveBack(key, onState) {
      const left = await counter.giveBack(key);
      onState?.(stateOf(left));
    },

    forget: (key) => counter.forget(key),
  };
}
