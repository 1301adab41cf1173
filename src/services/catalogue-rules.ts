import type { ModelCapability, ModelCategory, ModelTier } from '../contracts/model.ts';
import type { ShippedFacts } from '../data/entities/model.ts';
import { knownParameters } from '../providers/known-parameters.ts';

/**
 * What the name of a model tells of it: for the shipped snapshot, and for models that a provider lists without
 * saying more. Costs nothing until somebody names a price.
 */
export function factsByRule(provider: string, name: string): ShippedFacts {
  return {
    title: name,
    category: categoryOf(name),
    tier: isFreeProvider(provider) ? 'free' : 'paid',
    contextLength: null,
    maxOutputTokens: null,
    capabilities: capabilitiesOf(name),
    parameters: knownParameters(provider, name),
    usdPerMillionInput: '0',
    usdPerMillionOutput: '0',
    creditsPer100Tokens: creditsOf(provider, name),
  };
}

/** Who may ask a model that has this price, in US dollars for a million tokens; undefined: nothing is known. */
export function tierOf(provider: string, price: { input?: string; output?: string }): ModelTier | undefined {
  if (isFreeProvider(provider)) return 'free';
  const known = [price.input, price.output].filter((each) => each !== undefined);
  if (known.length === 0) return undefined;
  return known.every((each) => Number(each) === 0) ? 'free' : 'paid';
}

/** Providers whose models cost their users nothing. */
const isFreeProvider = (provider: string): boolean => provider === 'echo' || provider === 'huggingface';

/** Credits for 100 tokens where the customer named them; everything else costs one. */
function creditsOf(provider: string, name: string): string {
  // Whoever sells the models of others has them as `maker/name`.
  const [, maker = provider, model = name] = /^([^/]+)\/(.+)$/.exec(name) ?? [];
  if (maker === 'openai' && model === 'gpt-4') return '20';
  return (maker === 'gemini' || maker === 'google') && model.includes('flash') ? '10' : '1';
}

const CODE = /code|codestral|devstral|starcoder/i;
const VISION = /vision|pixtral|llava|molmo|internvl|(^|[-/.\d])vl(\b|-)/i;
const REASONING = /(^|\/)o\d|[-/]r1|qwq|think|reason|magistral/i;
const SEES =
  /gpt-(4o|4\.1|4-turbo|[5-9])|(^|\/)o(1|3|4-mini)(-\d|$)|claude-(3|4|[a-z]+-\d)|gemini-|gemma-[3-9]|llama-4/i;
const THINKS = /(^|\/)gpt-([5-9])(?!.*chat)|claude-(3[-.]7|4|[a-z]+-\d)|gemini-(2\.5|[3-9])|gpt-oss/i;
const CALLS_TOOLS = /gpt-(3\.5-turbo|4|[5-9]|oss)|(^|\/)o\d|claude-(3|4|[a-z]+-\d)|gemini-/i;

function categoryOf(name: string): ModelCategory {
  if (CODE.test(name)) return 'code';
  if (VISION.test(name)) return 'vision';
  return REASONING.test(name) ? 'reasoning' : 'general';
}

function capabilitiesOf(name: string): ModelCapability[] {
  const capabilities: ModelCapability[] = ['text'];
  if (VISION.test(name) || SEES.test(name)) capabilities.push('vision');
  if (CALLS_TOOLS.test(name)) capabilities.push('tools', 'json');
  if (REASONING.test(name) || THINKS.test(name)) capabilities.push('reasoning');
  return capabilities;
}
