import { AppError } from '../base/errors.ts';
import type { ModelPrice } from '../data/entities/generation.ts';

/** A model that can be asked. */
export interface Model {
  /** `provider/name`; `echo` for the offline one. */
  id: string;
  /** The provider that serves it. */
  provider: string;
  /** The provider's own name of it. */
  name: string;
  price: ModelPrice;
  /** Most tokens of prompt and reply together; null: not known. */
  contextLength: number | null;
  /** Most tokens of a reply; null: not known. */
  maxOutputTokens: number | null;
}

/** Which models there are. */
export interface ModelDirectory {
  /** The model of an id; undefined when there is none here. */
  find(id: string): Model | undefined;
  /**
   * The model of an id: `provider/name`, or a bare name where one provider alone could serve it.
   *
   * @param path where the id stood in the request, as in `body.model`
   * @throws {AppError} `model_not_available`
   */
  resolve(id: string, path: string): Model;
}

/** The offline model. */
const ECHO = 'echo';

/** Bare names that are known to belong to a provider. */
const OWNERS: [prefix: RegExp, provider: string][] = [
  [/^(gpt-|o\d|chatgpt-)/, 'openai'],
  [/^claude-/, 'anthropic'],
];

/** A directory of everything that the configured providers may serve. */
export function createModelDirectory(providers: readonly string[]): ModelDirectory {
  const find = (id: string): Model | undefined => {
    const [provider, name] = split(id);
    if (!providers.includes(provider) || name === '') return undefined;
    return {
      id: provider === ECHO ? ECHO : `${provider}/${name}`,
      provider,
      name,
      price: priceOf(name),
      contextLength: null,
      maxOutputTokens: null,
    };
  };
  return {
    find,
    resolve(id, path) {
      const model = find(id);
      if (model) return model;
      const known = providers.map((each) => (each === ECHO ? ECHO : `${each}/…`)).join(', ');
      throw new AppError('model_not_available', `${path}: there is no model "${id}" here. Models: ${known}`, {
        errors: [{ path, message: 'is not a model of this server' }],
      });
    },
  };
}

function split(id: string): [provider: string, name: string] {
  if (id === ECHO || id === `${ECHO}/${ECHO}`) return [ECHO, ECHO];
  const slash = id.indexOf('/');
  if (slash > 0) return [id.slice(0, slash), id.slice(slash + 1)];
  return [OWNERS.find(([prefix]) => prefix.test(id))?.[1] ?? '', id];
}

/** Credits for 100 tokens where the customer named them; everything else costs one. */
const CREDITS_PER_100_TOKENS: Record<string, string> = { 'gpt-4': '20', 'gemini-flash': '10' };

function priceOf(name: string): ModelPrice {
  return {
    creditsPer100Tokens: CREDITS_PER_100_TOKENS[name] ?? '1',
    usdPerMillionInput: '0',
    usdPerMillionCachedInput: '0',
    usdPerMillionOutput: '0',
  };
}
