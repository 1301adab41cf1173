import type { ProviderUsage } from './provider.ts';

/** The counts of a wire; what is missing, or no count at all, is not known. */
export interface WireCounts {
  input: unknown;
  cachedInput?: unknown;
  output: unknown;
  reasoning?: unknown;
  costUsd?: string | undefined;
}

/**
 * The usage that a wire tells, if it tells the output at all. A part is never more than its whole: servers have
 * been seen to count one call's cache on another's.
 */
export function countUsage({
  input,
  cachedInput,
  output,
  reasoning,
  costUsd,
}: WireCounts): ProviderUsage | undefined {
  const outputTokens = asCount(output);
  if (outputTokens === undefined) return undefined;
  const usage: ProviderUsage = { inputTokens: asCount(input) ?? 0, outputTokens };
  const cached = asCount(cachedInput);
  const reasoned = asCount(reasoning);
  if (cached !== undefined) usage.cachedInputTokens = Math.min(cached, usage.inputTokens);
  if (reasoned !== undefined) usage.reasoningTokens = Math.min(reasoned, outputTokens);
  if (costUsd !== undefined) usage.costUsd = costUsd;
  return usage;
}

/** A count of tokens, if the value is one: an integer that PostgreSQL's `integer` holds. */
export function asCount(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT
    ? (value as number)
    : undefined;
}

const MAX_COUNT = 2 ** 31 - 1;
