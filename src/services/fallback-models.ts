import type { Config } from '../base/config.ts';
import { modelOfProvider, type ProviderModelsConfig } from './default-model.ts';
import type { Model, ModelDirectory } from './model-directory.ts';
import { namesAt } from './same-model.ts';

/** The models that may answer for one that cannot: in order, each once, without itself. */
export type FallbackModels = (model: string) => Model[];

/** What of the configuration decides it. */
export type FallbackConfig = ProviderModelsConfig &
  Pick<Config, 'LLM_FALLBACK_PROVIDERS' | 'MODEL_FALLBACKS'>;

/** The offline model: who asks it wants no other. */
const ECHO = 'echo';

/**
 * Makes it: first what `MODEL_FALLBACKS` says of the model, then each of `LLM_FALLBACK_PROVIDERS` with the same model,
 * or else with its own default. What the directory does not have at that moment is left out; so is what must be paid
 * for, of a free model, unless a rule of its own says so.
 */
export function createFallbackModels(
  config: FallbackConfig,
  models: Pick<ModelDirectory, 'find'>,
): FallbackModels {
  const rules = new Map(config.MODEL_FALLBACKS.map(({ model, fallbacks }) => [model, fallbacks]));

  return (asked) => {
    if (asked === ECHO) return [];
    const chosen = new Map<string, Model>();
    const add = (model: Model | undefined) => {
      if (model && model.id !== asked && !chosen.has(model.id)) chosen.set(model.id, model);
    };
    for (const id of rules.get(asked) ?? []) add(models.find(id));
    const isFree = models.find(asked)?.tier === 'free';
    for (const provider of config.LLM_FALLBACK_PROVIDERS) {
      if (asked.startsWith(`${provider}/`)) continue;
      const same = namesAt(provider, asked).map((id) => models.find(id));
      const model = same.find(Boolean) ?? models.find(modelOfProvider(config, provider));
      if (!isFree || model?.tier === 'free') add(model);
    }
    return [...chosen.values()];
  };
}

/** Models that the configuration names as fallbacks and that cannot be asked here at this moment. */
export function unusableFallbacks(config: FallbackConfig, models: Pick<ModelDirectory, 'find'>): string[] {
  const named = [
    ...config.MODEL_FALLBACKS.flatMap(({ fallbacks }) => fallbacks),
    ...config.LLM_FALLBACK_PROVIDERS.map((provider) => modelOfProvider(config, provider)),
  ];
  return [...new Set(named)].filter((id) => !models.find(id));
}
