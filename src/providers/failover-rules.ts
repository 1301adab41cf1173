import type { GenerationErrorCode } from '../contracts/errors.ts';

/**
 * What may follow a call that failed before its first token: the same candidate `again`, only another one
 * (`elsewhere`), or nothing (`never`: it would fail everywhere, or somebody wanted it to end).
 */
export type Verdict = 'again' | 'elsewhere' | 'never';

/** What may follow a call that failed with this code. */
export function verdictOf(code: GenerationErrorCode): Verdict {
  return VERDICTS[code] ?? 'never';
}

/**
 * What may follow a call of a fallback that failed with this code. What a fallback does not take (an image by its address,
 * a longer prompt) another may, and so may the model that was asked, once it is well again.
 */
export function fallbackVerdictOf(code: GenerationErrorCode): Verdict {
  return code === 'bad_request' ? 'elsewhere' : verdictOf(code);
}

/**
 * Whether a failure says something about the provider, for all who ask it. What is wrong with one request, with the name
 * of one model, or with what a model makes of one user's tools, does not: else one user could put a provider out of
 * service for everybody.
 */
export function blamesProvider(code: GenerationErrorCode): boolean {
  return verdictOf(code) !== 'never' && !BLAMELESS.has(code);
}

const BLAMELESS: ReadonlySet<GenerationErrorCode> = new Set(['model_not_available', 'malformed_call']);

const VERDICTS: Readonly<Partial<Record<GenerationErrorCode, Verdict>>> = {
  rate_limited: 'again',
  overloaded: 'again',
  timeout: 'again',
  network: 'again',
  stream_broken: 'again',
  malformed_call: 'again',
  provider_auth: 'elsewhere',
  provider_billing: 'elsewhere',
  model_not_available: 'elsewhere',
  provider_failed: 'elsewhere',
};
