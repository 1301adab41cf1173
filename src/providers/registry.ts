import type { Config } from '../base/config.ts';
import { createAnthropicProvider } from './anthropic.ts';
import { createEchoProvider } from './echo.ts';
import { createGeminiProvider } from './gemini.ts';
import { guardProvider } from './guard-provider.ts';
import { createHuggingFaceProvider } from './huggingface.ts';
import { createOpenAiProvider } from './openai.ts';
import { createOpenRouterProvider } from './openrouter.ts';
import type { Provider } from './provider.ts';

/** What {@link createProviders} needs of the configuration. */
export type ProvidersConfig = Pick<
  Config,
  | 'ECHO_TOKENS_PER_SECOND'
  | 'OPENAI_API_KEY'
  | 'OPENAI_BASE_URL'
  | 'ANTHROPIC_API_KEY'
  | 'ANTHROPIC_BASE_URL'
  | 'GEMINI_API_KEY'
  | 'GEMINI_BASE_URL'
  | 'OPENROUTER_API_KEY'
  | 'OPENROUTER_BASE_URL'
  | 'HUGGINGFACE_API_KEY'
  | 'HUGGINGFACE_BASE_URL'
  | 'PROVIDER_FIRST_TOKEN_TIMEOUT_MS'
  | 'PROVIDER_IDLE_TIMEOUT_MS'
>;

/** The providers that the configuration allows. */
export interface Providers {
  /** The provider of that name, if it is configured. */
  get(name: string): Provider | undefined;
  /** All names; `echo` is always among them. */
  readonly names: string[];
}

/**
 * Builds every configured provider behind {@link guardProvider}: `echo` always, `openai` with a key or a base
 * URL (a local server needs no key), every other one with a key.
 */
export function createProviders(config: ProvidersConfig): Providers {
  const byName = new Map<string, Provider>();
  for (const provider of adapters(config)) {
    const guarded = guardProvider(provider, {
      firstTokenTimeoutMs: config.PROVIDER_FIRST_TOKEN_TIMEOUT_MS,
      idleTimeoutMs: config.PROVIDER_IDLE_TIMEOUT_MS,
    });
    byName.set(provider.name, guarded);
  }
  return { get: (name) => byName.get(name), names: [...byName.keys()] };
}

function adapters(config: ProvidersConfig): Provider[] {
  const providers = [createEchoProvider({ tokensPerSecond: config.ECHO_TOKENS_PER_SECOND })];
  if (config.OPENAI_API_KEY || config.OPENAI_BASE_URL) {
    providers.push(
      createOpenAiProvider({
        name: 'openai',
        apiKey: config.OPENAI_API_KEY,
        baseURL: config.OPENAI_BASE_URL,
      }),
    );
  }
  for (const [create, apiKey, baseURL] of [
    [createAnthropicProvider, config.ANTHROPIC_API_KEY, config.ANTHROPIC_BASE_URL],
    [createGeminiProvider, config.GEMINI_API_KEY, config.GEMINI_BASE_URL],
    [createOpenRouterProvider, config.OPENROUTER_API_KEY, config.OPENROUTER_BASE_URL],
    [createHuggingFaceProvider, config.HUGGINGFACE_API_KEY, config.HUGGINGFACE_BASE_URL],
  ] as const) {
    if (apiKey) providers.push(create({ apiKey, baseURL }));
  }
  return providers;
}
