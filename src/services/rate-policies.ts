import type { Config } from '../base/config.ts';
import type { RatePolicy } from '../feed/rate-limit-store.ts';

/**
 * The limit of each class of routes, of wrong passwords for an account (`login`) and of mails to one (`resetMail`);
 * undefined: none.
 */
export type RatePolicies = Record<
  'global' | 'auth' | 'generation' | 'login' | 'resetMail',
  Omit<RatePolicy, 'name'> | undefined
>;

/** What of the configuration says how often requests may come. */
export type RatePoliciesConfig = Pick<
  Config,
  | 'RATE_LIMITS'
  | 'RATE_LIMIT_GLOBAL_REQUESTS'
  | 'RATE_LIMIT_GLOBAL_MINUTES'
  | 'RATE_LIMIT_AUTH_REQUESTS'
  | 'RATE_LIMIT_AUTH_MINUTES'
  | 'RATE_LIMIT_GENERATION_REQUESTS'
  | 'RATE_LIMIT_GENERATION_MINUTES'
  | 'LOGIN_FAILURES'
  | 'LOGIN_FAILURES_MINUTES'
  | 'production'
>;

/** Where no limit is set. */
const DEFAULTS = { global: 100, auth: 10, generation: 50 };
/** How much more that is outside of production. */
const DEVELOPMENT_FACTOR = 100;
/** Nobody can fill the mailbox of somebody else. */
const RESET_MAILS = { limit: 5, windowSeconds: 3_600 };
const NONE: RatePolicies = {
  global: undefined,
  auth: undefined,
  generation: undefined,
  login: undefined,
  resetMail: undefined,
};

/** The rate limits of a configuration. */
export function ratePolicies(config: RatePoliciesConfig): RatePolicies {
  if (config.RATE_LIMITS === 'off') return NONE;
  const factor = config.production ? 1 : DEVELOPMENT_FACTOR;
  const policy = (limit: number, minutes: number) => ({
    limit,
    windowSeconds: Math.max(1, Math.round(minutes * 60)),
  });
  return {
    global: policy(
      config.RATE_LIMIT_GLOBAL_REQUESTS ?? DEFAULTS.global * factor,
      config.RATE_LIMIT_GLOBAL_MINUTES,
    ),
    auth: policy(config.RATE_LIMIT_AUTH_REQUESTS ?? DEFAULTS.auth * factor, config.RATE_LIMIT_AUTH_MINUTES),
    generation: policy(
      config.RATE_LIMIT_GENERATION_REQUESTS ?? DEFAULTS.generation * factor,
      config.RATE_LIMIT_GENERATION_MINUTES,
    ),
    login: policy(config.LOGIN_FAILURES, config.LOGIN_FAILURES_MINUTES),
    resetMail: RESET_MAILS,
  };
}
