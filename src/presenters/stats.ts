import type { UserStats } from '../contracts/routes/stats.ts';
import type { Limit, UsageTotals } from '../contracts/stats.ts';
import type { UsageState } from '../data/entities/usage.ts';
import type { UsageSums } from '../data/repositories/usage-stats.ts';
import { presentCost } from './cost.ts';

/** No use at all. */
export const NOTHING_USED: UsageSums = {
  completed: 0,
  failed: 0,
  cancelled: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: '0',
  credits: '0',
};

/** What was used, in the shape of the contract. `inrPerUsd`: rupees per US dollar. */
export function presentTotals(sums: UsageSums, inrPerUsd: number): UsageTotals {
  const { completed, failed, cancelled, inputTokens, outputTokens, costUsd, credits } = sums;
  return {
    requests: completed + failed + cancelled,
    completed,
    failed,
    cancelled,
    tokens: { input: inputTokens, output: outputTokens, total: inputTokens + outputTokens },
    cost: presentCost(costUsd, inrPerUsd),
    credits: Number(credits),
  };
}

/** How much is used of what there is, in the shape of the contract. */
export function presentLimit(used: number, limit: number | null | undefined, resetAt: Date): Limit {
  return { used, limit: limit ?? null, resetAt: resetAt.toISOString() };
}

/** The usage limits of a role or a user, with what is used of them. */
export function presentLimits(state: UsageState): UserStats['limits'] {
  const { limits, dayEndsAt, monthEndsAt } = state;
  return {
    dailyRequests: presentLimit(state.dayRequests, limits.dailyRequests, dayEndsAt),
    monthlyRequests: presentLimit(state.monthRequests, limits.monthlyRequests, monthEndsAt),
    monthlyTokens: presentLimit(state.monthTokens + state.heldTokens, limits.monthlyTokens, monthEndsAt),
  };
}
