import type { OpenAI } from 'openai';
import { createOpenAiReader } from './openai-reader.ts';
import type { Provider, ProviderRequest } from './provider.ts';
import { streamSse } from './sse-exchange.ts';
import { createUpstreamFetch } from './upstream-fetch.ts';

const OPENAI_BASE_URL = 'https://api.openai.com/v1';

/** What {@link createOpenAiProvider} needs. */
export interface OpenAiOptions {
  /** The prefix of its model ids: `openai`, or the name of a compatible service. */
  name: string;
  /** Not needed by a local server such as Ollama; no `Authorization` is sent then. */
  apiKey?: string | undefined;
  /** OpenAI's own unless given, with its `/v1`. */
  baseURL?: string | undefined;
}

/** OpenAI's chat completions, and every server that is compatible with them. */
export function createOpenAiProvider({ name, apiKey, baseURL = OPENAI_BASE_URL }: OpenAiOptions): Provider {
  const limitName = tokenLimitName(baseURL);
  const client = loadClient(apiKey, baseURL);
  client.catch(() => {}); // Every stream that awaits it reports the failure.
  return {
    name,
    stream: (request, signal) =>
      streamSse(
        {
          reader: createOpenAiReader(),
          send: async (abort) =>
            (await client).chat.completions
              .create(toBody(request, limitName), { signal: abort })
              .asResponse(),
        },
        signal,
      ),
  };
}

/** The parameter that limits the output. */
export type LimitName = 'max_completion_tokens' | 'max_tokens';

/**
 * OpenAI (and OpenAI on Azure) refuses `max_tokens` for its newer models and knows `max_completion_tokens` for
 * all; many compatible servers only know `max_tokens`. So the host decides.
 */
export function tokenLimitName(baseURL: string): LimitName {
  return /(^|\.)(openai\.com|openai\.azure\.com)$/.test(new URL(baseURL).hostname)
    ? 'max_completion_tokens'
    : 'max_tokens';
}

function toBody(request: ProviderRequest, limitName: LimitName): OpenAI.ChatCompletionCreateParamsStreaming {
  return {
    model: request.model,
    messages: request.turns,
    stream: true,
    stream_options: { include_usage: true },
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.maxTokens === undefined ? {} : { [limitName]: request.maxTokens }),
  };
}

/** The SDK is loaded only where it is used: it costs a cold start up to 300 ms. */
async function loadClient(apiKey: string | undefined, baseURL: string): Promise<OpenAI> {
  const sdk = await import('openai');
  return new sdk.OpenAI({
    apiKey: apiKey ?? 'none',
    baseURL,
    maxRetries: 0,
    fetch: createUpstreamFetch(),
    // At `debug` the SDK logs prompts, and it takes the level from the environment.
    logLevel: 'off',
    organization: null,
    project: null,
    ...(apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
  });
}
