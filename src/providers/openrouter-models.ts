import type { ModelCapability, ModelParameter } from '../contracts/model.ts';
import { plainDecimal } from './decimal-digits.ts';
import { asEntry, asLimit, asStrings, asText, type Entry, listed, present } from './list-models.ts';
import type { ListedModel } from './provider.ts';

/**
 * A model of OpenRouter's list (https://openrouter.ai/docs/overview/models): prices are strings, in US dollars for
 * one token; `-1` means that it depends. Models that do not write text are left out.
 */
export function toOpenRouterModel(entry: Entry): ListedModel | undefined {
  const name = asText(entry.id);
  const architecture = asEntry(entry.architecture);
  const output = asStrings(architecture.output_modalities);
  if (!name || (output.length > 0 && !output.includes('text'))) return undefined;

  const pricing = asEntry(entry.pricing);
  const top = asEntry(entry.top_provider);
  const input = perMillion(pricing.prompt);
  const written = perMillion(pricing.completion);
  const supported = Array.isArray(entry.supported_parameters)
    ? new Set(asStrings(entry.supported_parameters))
    : undefined;
  return listed({
    name,
    title: asText(entry.name),
    tier: input === '0' && written === '0' ? 'free' : 'paid',
    contextLength: asLimit(entry.context_length) ?? asLimit(top.context_length),
    maxOutputTokens: asLimit(top.max_completion_tokens),
    capabilities: capabilitiesOf(asStrings(architecture.input_modalities), supported),
    parameters: supported && parametersOf(supported),
    usdPerMillionInput: input,
    usdPerMillionCachedInput: perMillion(pricing.input_cache_read),
    usdPerMillionOutput: written,
  });
}

function perMillion(price: unknown): string | undefined {
  return typeof price === 'string' || typeof price === 'number' ? plainDecimal(String(price), 6) : undefined;
}

function capabilitiesOf(
  input: string[],
  supported: ReadonlySet<string> | undefined,
): ModelCapability[] | undefined {
  if (!supported && input.length === 0) return undefined;
  const has = (...names: string[]) => names.some((name) => supported?.has(name));
  return present(
    ['text', true],
    ['vision', input.includes('image')],
    ['audio', input.includes('audio')],
    ['tools', has('tools')],
    ['json', has('structured_outputs', 'response_format')],
    ['reasoning', has('reasoning', 'include_reasoning')],
  );
}

function parametersOf(supported: ReadonlySet<string>): ModelParameter[] {
  return present(
    ['temperature', supported.has('temperature')],
    ['topP', supported.has('top_p')],
    ['maxTokens', supported.has('max_tokens') || supported.has('max_completion_tokens')],
  );
}
