import type { Config } from '../base/config.ts';
import { LLM_PROVIDERS, type LlmProvider } from '../base/config-models.ts';
import type { Model, ModelDirectory } from './model-directory.ts';

/** What of the configuration names a model for each provider. */
export type ProviderModelsConfig = Pick<
  Config,
  'OPENAI_MODEL' | 'ANTHROPIC_MODEL' | 'GEMINI_MODEL' | 'OPENROUTER_MODEL' | 'HUGGINGFACE_MODEL'
>;

/** The id of the model that a provider is asked for where none is named. */
export function modelOfProvider(config: ProviderModelsConfig, provider: LlmProvider): string {
  const names: Record<LlmProvider, string> = {
    openai: config.OPENAI_MODEL,
    anthropic: config.ANTHROPIC_MODEL,
    gemini: config.GEMINI_MODEL,
    openrouter: config.OPENROUTER_MODEL,
    huggingface: config.HUGGINGFACE_MODEL,
  };
  return `${provider}/${names[provider]}`;
}

/** Which models somebody reaches. */
export type ModelReach = 'all' | 'free';

/**
 * The id of the model of a session that names none, as things are at that moment. `reach`: of those that its owner
 * reaches; all unless told otherwise.
 */
export type DefaultModel = (reach?: ModelReach) => string;

/**
 * Makes it, given the providers that are configured: `DEFAULT_MODEL`, or the model of `DEFAULT_LLM_PROVIDER` or else of
 * the first provider. A provider that does not have that one, such as a local server, gives one that it has. Who reaches
 * free models only gets one of the same provider, or else of another one, and in the end the offline one.
 */
export function createDefaultModel(
  config: ProviderModelsConfig & Pick<Config, 'DEFAULT_MODEL' | 'DEFAULT_LLM_PROVIDER'>,
  configured: readonly string[],
  models: Pick<ModelDirectory, 'find' | 'anyOf' | 'resolve'>,
): DefaultModel {
  const { DEFAULT_MODEL, DEFAULT_LLM_PROVIDER } = config;
  const usable = LLM_PROVIDERS.filter((provider) => configured.includes(provider));
  const provider = usable.find((each) => each === DEFAULT_LLM_PROVIDER) ?? usable[0];

  function usualModel(): string {
    if (DEFAULT_MODEL || !provider) return DEFAULT_MODEL ?? 'echo';
    const usual = modelOfProvider(config, provider);
    return (models.find(usual) ?? models.anyOf(provider))?.id ?? usual;
  }

  function freeModel(): string | undefined {
    const inOrder = [...new Set([...(provider ? [provider] : []), ...usable])];
    const free = inOrder.map(
      (each) => freeOf(models.find(modelOfProvider(config, each))) ?? models.anyOf(each, 'free'),
    );
    return (free.find(Boolean) ?? models.find('echo'))?.id;
  }

  return (reach = 'all') => {
    const usual = usualModel();
    return reach === 'all' || findNamed(models, usual)?.tier === 'free' ? usual : (freeModel() ?? usual);
  };
}

const freeOf = (model: Model | undefined): Model | undefined => (model?.tier === 'free' ? model : undefined);

/** The model of an id or a bare name. Undefined for what cannot be asked: whoever asks it is told why. */
export function findNamed(models: Pick<ModelDirectory, 'resolve'>, id: string): Model | undefined {
  try {
    return models.resolve(id, 'model');
  } catch {
    return undefined;
  }
}

/** As `TITLE_MODEL`: turns titles by models off. */
export const NO_TITLES = 'off';

/** The id of the model that names sessions, as things are at that moment; undefined: their first words do. */
export type TitleModel = () => string | undefined;

/** Makes it: `TITLE_MODEL`, or else the default model. None when it is `off`, and on the offline model. */
export function createTitleModel(
  config: Pick<Config, 'TITLE_MODEL'>,
  defaultModel: DefaultModel,
): TitleModel {
  return () => {
    const model = config.TITLE_MODEL ?? defaultModel();
    return model === NO_TITLES || model === 'echo' ? undefined : model;
  };
}
