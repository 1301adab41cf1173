import type { Config } from '../base/config.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';

/** What of the configuration limits what users may ask for. */
export type LimitsConfig = Pick<
  Config,
  | 'AI_RATE_LIMIT_USER_REQUESTS'
  | 'AI_RATE_LIMIT_USER_TOKENS'
  | 'AI_RATE_LIMIT_ORG_COST'
  | 'AI_RATE_LIMIT_WINDOW_HOURS'
  | 'MAX_CONCURRENT_GENERATIONS'
  | 'RATE_LIMITS'
>;

const HOUR_S = 3_600;

/** The limits of a configuration. */
export function admissionLimits(config: LimitsConfig): AdmissionLimits {
  return {
    window: {
      seconds: config.AI_RATE_LIMIT_WINDOW_HOURS * HOUR_S,
      requests: config.AI_RATE_LIMIT_USER_REQUESTS,
      tokens: config.AI_RATE_LIMIT_USER_TOKENS,
      orgCostUsd: config.AI_RATE_LIMIT_ORG_COST,
    },
    maxRunning: config.MAX_CONCURRENT_GENERATIONS,
    byRole: config.RATE_LIMITS === 'on',
  };
}
