import type { Model } from '../../src/services/model-directory.ts';

/** A model that costs a credit for a hundred tokens, takes every setting, and of which nothing else is known. */
export function testModel(id: string, facts: Partial<Model> = {}): Model {
  const [provider = '', ...rest] = id.split('/');
  const name = rest.join('/') || provider;
  return {
    id,
    provider,
    name,
    title: name,
    tier: 'free',
    contextLength: null,
    maxOutputTokens: null,
    parameters: ['temperature', 'topP', 'maxTokens'],
    price: {
      creditsPer100Tokens: '1',
      usdPerMillionInput: '0',
      usdPerMillionCachedInput: '0',
      usdPerMillionOutput: '0',
    },
    enabled: true,
    vanished: false,
    ...facts,
  };
}
