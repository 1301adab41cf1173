import type { Model } from '../contracts/model.ts';
import type { ModelRecord } from '../data/entities/model.ts';

/**
 * A model of the catalogue in the shape of the contract.
 *
 * @param served names of the providers that are served here
 */
export function presentModel(model: ModelRecord, served: readonly string[]): Model {
  return {
    id: model.id,
    provider: model.provider,
    name: model.name,
    title: model.title,
    category: model.category,
    tier: model.tier,
    contextLength: model.contextLength,
    maxOutputTokens: model.maxOutputTokens,
    capabilities: model.capabilities,
    parameters: model.parameters,
    price: {
      usdPerMillionInput: Number(model.usdPerMillionInput),
      usdPerMillionCachedInput: Number(model.usdPerMillionCachedInput),
      usdPerMillionOutput: Number(model.usdPerMillionOutput),
      creditsPer100Tokens: Number(model.creditsPer100Tokens),
    },
    enabled: model.enabled,
    available: model.enabled && served.includes(model.provider),
    source: model.source,
    updatedAt: model.updatedAt.toISOString(),
  };
}
