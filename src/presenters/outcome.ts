import type { Message, Usage } from '../contracts/message.ts';
import type { GenerationOutcome } from '../data/entities/generation.ts';
import { presentCost } from './cost.ts';

/** What a generation has taken, and why it failed, in the shapes of the contract. */
export function presentOutcome(
  generation: GenerationOutcome,
  inrPerUsd: number,
): Pick<Message, 'usage' | 'cost' | 'credits' | 'error'> {
  const { costUsd, credits, errorCode, errorMessage } = generation;
  return {
    usage: presentUsage(generation),
    cost: costUsd === null ? null : presentCost(costUsd, inrPerUsd),
    credits: credits === null ? null : Number(credits),
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
  };
}

function presentUsage(generation: GenerationOutcome): Usage | null {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, usageEstimated } = generation;
  if (inputTokens === null || outputTokens === null) return null;
  return {
    inputTokens,
    cachedInputTokens: cachedInputTokens ?? 0,
    outputTokens,
    reasoningTokens: reasoningTokens ?? 0,
    totalTokens: inputTokens + outputTokens,
    estimated: usageEstimated ?? false,
  };
}
