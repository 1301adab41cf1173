import type { GenerationClaim, GenerationEnd } from '../data/repositories/generations.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { priceGeneration } from './price-generation.ts';

/** What is stored of the end of an attempt, priced: `credits` is a decimal string. */
export type EndRecord = GenerationEnd & { credits: string };

/** Prices the end of an attempt. */
export function endRecordOf(claim: GenerationClaim, end: AttemptEnd): EndRecord {
  const { usage } = end;
  const price = priceGeneration(usage ?? { inputTokens: 0, outputTokens: 0 }, claim.price, end.costPrice);
  return {
    status: end.status,
    finishReason: end.finishReason,
    errorCode: end.error?.code ?? null,
    errorMessage: end.error?.message ?? null,
    tries: [...claim.tries, ...(end.tries ?? [])],
    omittedParameters: end.omittedParameters ?? [],
    toolCalls: end.toolCalls ?? null,
    inputTokens: usage?.inputTokens ?? null,
    cachedInputTokens: usage?.cachedInputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
    reasoningTokens: usage?.reasoningTokens ?? null,
    usageEstimated: usage?.estimated ?? null,
    costUsd: usage ? price.costUsd : null,
    credits: price.credits,
  };
}
