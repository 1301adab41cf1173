import { classifyError } from './classify-error.ts';
import { addDecimals, plainDecimal } from './decimal-digits.ts';
import { signaturesOf } from './gemini-signatures.ts';
import { createOpenAiProvider, type Dialect } from './openai.ts';
import type { CallFields } from './openai-messages.ts';
import { GEMINI_FORMAT, type OpenAiUsage } from './openai-reader.ts';
import { toOpenRouterModel } from './openrouter-models.ts';
import { type Provider, ProviderError } from './provider.ts';
import { splitCallId } from './tool-call-id.ts';

/** What {@link createOpenRouterProvider} needs. */
export interface OpenRouterOptions {
  apiKey: string;
  /** OpenRouter's own unless given, with its `/v1`. */
  baseURL?: string | undefined;
}

/** OpenRouter, which has the models of many providers and tells what each call cost. */
export function createOpenRouterProvider({ apiKey, baseURL }: OpenRouterOptions): Provider {
  return createOpenAiProvider({
    name: 'openrouter',
    apiKey,
    baseURL: baseURL ?? 'https://openrouter.ai/api/v1',
    dialect: OPENROUTER,
  });
}

/** The names of the numbers that a cost is made of, in `usage` and in `usage.cost_details`. */
type CostName = 'cost' | 'upstream_inference_cost';

/** https://openrouter.ai/docs/use-cases/usage-accounting; one credit is one US dollar. */
type Usage = OpenAiUsage & {
  cost?: number | null;
  /** The upstream was asked with a key of one's own: then `cost` is OpenRouter's fee alone. */
  is_byok?: boolean | null;
  cost_details?: { upstream_inference_cost?: number | null } | null;
};

const OPENROUTER: Dialect = {
  fields: { usage: { include: true } },
  callFieldsOf,
  costOf,
  classify,
  // It takes them out itself.
  thoughtsInContent: false,
  toModel: toOpenRouterModel,
};

/**
 * What Gemini wants back with its calls stands here (https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks);
 * without it Gemini 3 refuses the answers of tools.
 */
function callFieldsOf(model: string): CallFields {
  return (calls) => {
    const signatures = signaturesOf(calls, model);
    const details = calls.flatMap(({ id }, index) => {
      const data = signatures[index];
      return data === undefined
        ? []
        : { type: 'reasoning.encrypted', format: GEMINI_FORMAT, id: splitCallId(id).id, index, data };
    });
    return details.length > 0 ? { reasoning_details: details } : {};
  };
}

function costOf(usage: Usage, data: string): string | undefined {
  const cost = digitsOf('cost', usage.cost, data);
  if (cost === undefined || !usage.is_byok) return cost;
  const upstream = digitsOf('upstream_inference_cost', usage.cost_details?.upstream_inference_cost, data);
  return upstream === undefined ? undefined : addDecimals(cost, upstream);
}

/** The number as it was written: the one that was parsed may have lost digits. */
function digitsOf(name: CostName, value: unknown, data: string): string | undefined {
  if (typeof value !== 'number') return undefined;
  for (const [, digits = ''] of data.matchAll(new RegExp(`"${name}"\\s*:\\s*([0-9.eE+-]+)`, 'g'))) {
    if (Number(digits) === value) return plainDecimal(digits);
  }
  return plainDecimal(String(value));
}

/** A 403 is a key that may not, or a prompt that moderation has flagged, which then says why. */
function classify(error: unknown): ProviderError {
  const { status, error: body } = error as { status?: unknown; error?: { metadata?: { reasons?: unknown } } };
  if (status === 403 && Array.isArray(body?.metadata?.reasons)) {
    return new ProviderError('content_filter', 'The provider refused the content (403).');
  }
  return classifyError(error);
}
