import type { Anthropic } from '@anthropic-ai/sdk';
import { toAnthropicModel } from './anthropic-models.ts';
import { createAnthropicReader } from './anthropic-reader.ts';
import { toAnthropicBody } from './anthropic-request.ts';
import { classifyError } from './classify-error.ts';
import { asEntry, entriesOf, listSafely } from './list-models.ts';
import { type ListedModel, type Provider, ProviderError } from './provider.ts';
import { streamSse } from './sse-exchange.ts';
import { createUpstreamFetch, readingWhole } from './upstream-fetch.ts';

const ANTHROPIC_BASE_URL = 'https://api.anthropic.com';

/** What {@link createAnthropicProvider} needs. */
export interface AnthropicOptions {
  apiKey: string;
  /** Anthropic's own unless given; the SDK adds `/v1`, so one at its end goes. */
  baseURL?: string | undefined;
}

/** Anthropic's messages. */
export function createAnthropicProvider(options: AnthropicOptions): Provider {
  const upstream = createUpstreamFetch();
  const client = loadClient(options, upstream);
  client.catch(() => {}); // Every stream that awaits it reports the failure.
  return {
    name: 'anthropic',
    stream: (request, signal) =>
      streamSse(
        {
          reader: createAnthropicReader(),
          send: async (abort) =>
            (await client).messages.create(toAnthropicBody(request), { signal: abort }).asResponse(),
          classify: classifyAnthropicError,
        },
        signal,
      ),
    listModels: (signal) =>
      listSafely({
        ask: async () => listPages((await client).withOptions({ fetch: readingWhole(upstream) }), signal),
        classify: classifyAnthropicError,
        signal,
      }),
  };
}

/** The SDK's own paging takes an answer that is no list for an empty one. */
async function listPages(client: Anthropic, signal: AbortSignal): Promise<ListedModel[]> {
  const models: ListedModel[] = [];
  for (let after: string | undefined; ; ) {
    const query = { limit: 1000, ...(after === undefined ? {} : { after_id: after }) };
    const page: unknown = await client.get('/v1/models', { query, signal });
    models.push(...entriesOf(page).flatMap((entry) => toAnthropicModel(entry) ?? []));
    const { has_more, last_id } = asEntry(page);
    if (has_more !== true || typeof last_id !== 'string' || last_id === after) return models;
    after = last_id;
  }
}

/**
 * An empty account is answered with a plain 400 `invalid_request_error`, so here alone the text has to tell
 * (https://github.com/anthropics/claude-quickstarts/issues/229).
 */
function classifyAnthropicError(error: unknown): ProviderError {
  const { status, apiMessage } = error as { status?: unknown; apiMessage?: unknown };
  if (
    status === 400 &&
    typeof apiMessage === 'string' &&
    apiMessage.startsWith('Your credit balance is too low')
  ) {
    return new ProviderError('provider_billing', 'The account at the provider has no credit (400).');
  }
  return classifyError(error);
}

/** The SDK is loaded only where it is used: it costs a cold start up to 900 ms. */
async function loadClient(
  { apiKey, baseURL = ANTHROPIC_BASE_URL }: AnthropicOptions,
  upstream: typeof fetch,
): Promise<Anthropic> {
  const sdk = await import('@anthropic-ai/sdk');
  return new sdk.Anthropic({
    apiKey,
    baseURL: baseURL.replace(/\/v1\/?$/, ''),
    maxRetries: 0,
    fetch: upstream,
    // At `debug` the SDK logs prompts, and it takes the level from the environment.
    logLevel: 'off',
    openTelemetry: false,
  });
}
