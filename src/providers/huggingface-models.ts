import type { ModelCapability } from '../contracts/model.ts';
import { plainDecimal } from './decimal-digits.ts';
import { asEntry, asLimit, asStrings, asText, type Entry, listed, present } from './list-models.ts';
import type { ListedModel } from './provider.ts';

/**
 * A model of the router's list (https://huggingface.co/docs/inference-providers/hub-api): `providers` has those
 * that serve it, each with its window and its prices in US dollars for a million tokens. The router takes any that
 * is live, so the window is the smallest and the price the highest of theirs. Left out are models that nobody
 * serves, and those that do not write text. All of them are free: a token without credit gets them too, less often.
 */
export function toHuggingFaceModel(entry: Entry): ListedModel | undefined {
  const name = asText(entry.id);
  const architecture = asEntry(entry.architecture);
  const output = asStrings(architecture.output_modalities);
  if (!name || (output.length > 0 && !output.includes('text'))) return undefined;

  const all = Array.isArray(entry.providers) ? entry.providers.map(asEntry) : undefined;
  const live = all?.filter(({ status }) => status === undefined || status === 'live') ?? [];
  if (all && live.length === 0) return undefined;

  const windows = live.flatMap(({ context_length }) => asLimit(context_length) ?? []);
  const input = asStrings(architecture.input_modalities);
  return listed({
    name,
    tier: 'free',
    contextLength: windows.length > 0 ? Math.min(...windows) : undefined,
    capabilities: input.length > 0 ? capabilitiesOf(input, live) : undefined,
    usdPerMillionInput: highest(live, 'input'),
    usdPerMillionOutput: highest(live, 'output'),
  });
}

function highest(providers: Entry[], side: 'input' | 'output'): string | undefined {
  const prices = providers.flatMap(({ pricing }) => {
    const price = asEntry(pricing)[side];
    return typeof price === 'number' && price >= 0 && Number.isFinite(price) ? price : [];
  });
  return prices.length > 0 ? plainDecimal(String(Math.max(...prices))) : undefined;
}

function capabilitiesOf(input: string[], providers: Entry[]): ModelCapability[] {
  return present(
    ['text', true],
    ['vision', input.includes('image')],
    ['audio', input.includes('audio')],
    ['tools', providers.some(({ supports_tools }) => supports_tools === true)],
    ['json', providers.some(({ supports_structured_output }) => supports_structured_output === true)],
  );
}
