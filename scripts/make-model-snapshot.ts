import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findProvider, type ModelInfo, type ModelPrice } from '@pydantic/genai-prices';
import { Decimal } from 'decimal.js';
import { PACKAGE_ROOT } from '../src/base/version.ts';
import type { NameMatch, ShippedModel } from '../src/data/model-snapshot.ts';
import { factsByRule, tierOf } from '../src/services/catalogue-rules.ts';

/**
 * `npm run models:snapshot`: writes the catalogue that is shipped, from the prices of `@pydantic/genai-prices`. It is
 * dated, so that a server takes it over once, when it is newer than the one it has.
 */
const TARGET = path.join(PACKAGE_ROOT, 'src/data/model-snapshot.json');

/** Our providers, and what the package calls them. Of several for one name the most expensive counts. */
const SOURCES: [ours: string, theirs: string[]][] = [
  ['openai', ['openai']],
  ['anthropic', ['anthropic']],
  ['gemini', ['google']],
  ['openrouter', ['openrouter']],
  [
    'huggingface',
    ['cerebras', 'fireworks', 'groq', 'hyperbolic', 'nebius', 'novita', 'nscale']
      .concat(['ovhcloud', 'publicai', 'sambanova', 'together'])
      .map((name) => `huggingface_${name}`),
  ],
];

/** What does not answer in text. */
const NOT_TEXT =
  /embed|whisper|tts|transcribe|audio|realtime|image|moderation|guard|dall-e|sora|veo|lyria|rerank|-live-|omni|computer-use/i;
/** Of OpenAI: base models, fine-tuned ones by their prefix, and what only the Responses API serves. */
const NOT_CHAT =
  /^(ada|babbage|curie|davinci|text-)|:|\.ft-|-instruct|codex|-deep-research|^(o\d|gpt-[5-9][.\d]*)-pro/;
/** Of Gemini: names that are another service's. */
const NOT_GEMINI = /^(?!gem(ini|ma)-)|^gemini-(flash|pro)-1|-maas$/;

/** Decimals of the columns that hold prices. */
const PLACES = 10;

const today = new Date();
const models = SOURCES.flatMap(([provider, theirs]) => {
  const known = theirs.flatMap((id) => findProvider({ providerId: id })?.models ?? []);
  const shipped = known.filter((model) => isOffered(provider, model)).map((model) => ship(provider, model));
  return [...keepDearest(shipped).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
});
const echo: ShippedModel = {
  provider: 'echo',
  name: 'echo',
  ...factsByRule('echo', 'echo'),
  title: 'Echo',
  usdPerMillionCachedInput: '0',
};
await writeFile(TARGET, await toJson([echo, ...models]));
process.stdout.write(`${models.length + 1} models in ${path.relative(process.cwd(), TARGET)}\n`);

function isOffered(provider: string, { id, deprecated, prices }: ModelInfo): boolean {
  if (deprecated || NOT_TEXT.test(id)) return false;
  // Their names at OpenRouter and Hugging Face are `author/model`; the package has some by their last half.
  if (isReseller(provider)) return id.includes('/');
  // At Google what has no price is free.
  if (provider === 'gemini') return !NOT_GEMINI.test(id);
  if (provider === 'openai' && NOT_CHAT.test(id)) return false;
  return priceNow(prices).output_mtok !== undefined;
}

function ship(provider: string, { id, name, context_window, match, prices }: ModelInfo): ShippedModel {
  const price = priceNow(prices);
  const [input, cached, output] = [price.input_mtok, price.cache_read_mtok, price.output_mtok].map(toDecimal);
  const usd = { input: input ?? '0', output: output ?? '0' };
  const facts = factsByRule(provider, id);
  return {
    provider,
    name: id,
    ...facts,
    title: name ?? id,
    tier: tierOf(provider, usd) ?? facts.tier,
    contextLength: context_window ?? null,
    usdPerMillionInput: usd.input,
    ...(cached === undefined ? {} : { usdPerMillionCachedInput: cached }),
    usdPerMillionOutput: usd.output,
    ...(isByName(provider, match, id) ? {} : { match: match as NameMatch }),
  };
}

/** Of prices that change with the date the one of today; those of an hour of the day are left out. */
function priceNow(prices: ModelInfo['prices']): ModelPrice {
  if (!Array.isArray(prices)) return prices;
  const valid = prices.filter(({ constraint }) => {
    if (!constraint) return true;
    return constraint.type === 'start_date' && new Date(constraint.start_date) <= today;
  });
  return valid.at(-1)?.prices ?? {};
}

/** Prices that grow with the prompt begin with their base. */
function toDecimal(price: ModelPrice[string]): string | undefined {
  if (price === undefined) return undefined;
  const usd = new Decimal(typeof price === 'number' ? price : price.base);
  return usd.toDecimalPlaces(PLACES).toFixed();
}

/** Resellers list every name with its price: what they list needs no search. */
function isByName(provider: string, match: ModelInfo['match'], id: string): boolean {
  return isReseller(provider) || ('equals' in match && match.equals === id);
}

function isReseller(provider: string): boolean {
  return provider === 'openrouter' || provider === 'huggingface';
}

function keepDearest(shipped: ShippedModel[]): Map<string, ShippedModel> {
  const byName = new Map<string, ShippedModel>();
  for (const model of shipped) {
    const other = byName.get(model.name);
    if (!other || Number(other.usdPerMillionOutput) < Number(model.usdPerMillionOutput)) {
      byName.set(model.name, model);
    }
  }
  return byName;
}

/** A model a line, so that a new snapshot can be read as a difference. */
async function toJson(all: ShippedModel[]): Promise<string> {
  const manifest = path.join(PACKAGE_ROOT, 'node_modules/@pydantic/genai-prices/package.json');
  const { name, version } = JSON.parse(await readFile(manifest, 'utf8')) as { name: string; version: string };
  const head = `"date": "${today.toISOString().slice(0, 10)}",\n  "source": "${name} ${version}"`;
  const lines = all.map((model) => `    ${JSON.stringify(model)}`);
  return `{\n  ${head},\n  "models": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
