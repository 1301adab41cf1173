import type { ModelSource } from '../contracts/model.ts';
import type { ModelFacts, ModelLayers } from './entities/model.ts';

/** What the layers of a model come to. */
export type MergedModel = ModelFacts & { enabled: boolean; source: ModelSource };

/**
 * What holds of a model, field by field: what an admin says, or else what its provider told, or else what was
 * shipped. Nobody can enable a model that its provider does not have any more.
 */
export function mergeModel({ snapshot, synced, override, vanishedAt }: ModelLayers): MergedModel {
  const { enabled = true, ...said } = override ?? {};
  const facts = { ...snapshot, ...synced, ...said };
  return {
    title: facts.title,
    category: facts.category,
    tier: facts.tier,
    contextLength: facts.contextLength,
    maxOutputTokens: facts.maxOutputTokens,
    capabilities: facts.capabilities,
    parameters: facts.parameters,
    usdPerMillionInput: facts.usdPerMillionInput,
    usdPerMillionCachedInput: facts.usdPerMillionCachedInput ?? facts.usdPerMillionInput,
    usdPerMillionOutput: facts.usdPerMillionOutput,
    creditsPer100Tokens: facts.creditsPer100Tokens,
    enabled: enabled && vanishedAt === null,
    source: latestSource(synced, override),
  };
}

function latestSource(synced: ModelLayers['synced'], override: ModelLayers['override']): ModelSource {
  if (override && Object.keys(override).length > 0) return 'admin';
  return synced ? 'sync' : 'snapshot';
}
