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
 * The usage that a wire tells, if it tells anything. What it did not count is left out, and its parts with it. A part is
 * never more than its whole: servers have been seen to count one call's cache on another's.
 */
export function countUsage({
  input,
  cachedInput,
  output,
  reasoning,
  costUsd,
}: WireCounts): ProviderUsage | undefined {
  const usage: ProviderUsage = {};
  const [inputTokens, cached] = [asCount(input), asCount(cachedInput)];
  const [outputTokens, reasoned] = [asCount(output), asCount(reasoning)];
  if (inputTokens !== undefined) {
    usage.inputTokens = inputTokens;
    if (cached !== undefined) usage.cachedInputTokens = Math.min(cached, inputTokens);
  }
  if (outputTokens !== undefined) {
    usage.outputTokens = outputTokens;
    if (reasoned !== undefined) usage.reasoningTokens = Math.min(reasoned, outputTokens);
  }
  if (costUsd !== undefined) usage.costUsd = costUsd;
  return Object.keys(usage).length > 0 ? usage : undefined;
}

/**
 * Takes over what a later event of a stream counts: counts are of all that there was so far, so what is missing, refused or
 * zero has not changed.
 *
 * @param keys what is taken over
 */
export function mergeCounts<T extends object>(counts: T, later: T, keys: readonly (keyof T)[]): void {
  for (const key of keys) counts[key] = newerCount(counts[key], later[key]);
}

/** The one that counts of two counts: see {@link mergeCounts}. */
export const newerCount = <T>(count: T, later: T): T => (asCount(later) ? later : (count ?? later));

/**
 * A usage with a later one of the same stream, which need not tell all of it again: some servers end with an empty one. A
 * count of zero has not changed either.
 */
export function mergeUsage(
  usage: ProviderUsage | undefined,
  later: ProviderUsage | undefined,
): ProviderUsage | undefined {
  if (!usage || !later) return later ?? usage;
  return countUsage({
    input: later.inputTokens || usage.inputTokens,
    cachedInput: later.cachedInputTokens || usage.cachedInputTokens,
    output: later.outputTokens || usage.outputTokens,
    reasoning: later.reasoningTokens || usage.reasoningTokens,
    costUsd: later.costUsd ?? usage.costUsd,
  });
}

/**
 * A whole of its counted parts, of which some may be left out. Undefined where there is none, or one of them is no count:
 * JSON that is no number may not even be added.
 */
export function sumCounts(...parts: unknown[]): number | undefined {
  const told = parts.filter((part) => part != null);
  const counts = told.map(asCount).filter((count) => count !== undefined);
  if (counts.length === 0 || counts.length < told.length) return undefined;
  return counts.reduce((sum, count) => sum + count, 0);
}

/** A count of tokens, if the value is one: an integer that PostgreSQL's `integer` holds. */
export function asCount(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT
    ? (value as number)
    : undefined;
}

const MAX_COUNT = 2 ** 31 - 1;
