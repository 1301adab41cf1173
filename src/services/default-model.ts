import type { Config } from '../base/config.ts';
import { LLM_PROVIDERS, type LlmProvider } from '../base/config-models.ts';

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

/** The model of a session that names none, given the providers that are configured. */
export function chooseDefaultModel(
  config: ProviderModelsConfig & Pick<Config, 'DEFAULT_MODEL' | 'DEFAULT_LLM_PROVIDER'>,
  configured: readonly string[],
): string {
  const { DEFAULT_MODEL, DEFAULT_LLM_PROVIDER } = config;
  if (DEFAULT_MODEL) return DEFAULT_MODEL;
  const usable = LLM_PROVIDERS.filter((provider) => configured.includes(provider));
  const provider = usable.find((each) => each === DEFAULT_LLM_PROVIDER) ?? usable[0];
  return provider ? modelOfProvider(config, provider) : 'echo';
}

/** Turns titles by models off. */
const NO_TITLES = 'off';

/**
 * The model that names sessions: `TITLE_MODEL`, or else the default model. None, so that sessions are named by their
 * first words, when it is `off`, and on the offline model.
 */
export function chooseTitleModel({
  config,
  defaultModel,
}: {
  config: Pick<Config, 'TITLE_MODEL'>;
  defaultModel: string;
}): string | undefined {
  const model = config.TITLE_MODEL ?? defaultModel;
  return model === NO_TITLES || model === 'echo' ? undefined : model;
}
