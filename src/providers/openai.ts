import type { OpenAI } from 'openai';
import { classifyError } from './classify-error.ts';
import { type Entry, entriesOf, listSafely } from './list-models.ts';
import { toOpenAiModel } from './openai-models.ts';
import { type CostReader, createOpenAiReader } from './openai-reader.ts';
import { type LimitName, type OpenAiFields, toOpenAiBody } from './openai-request.ts';
import type { ListedModel, Provider, ProviderError } from './provider.ts';
import { streamSse } from './sse-exchange.ts';
import { ThinkTags } from './think-tags.ts';
import { createUpstreamFetch, readingWhole } from './upstream-fetch.ts';

const OPENAI_BASE_URL = 'https://api.openai.com/v1';

/** What {@link createOpenAiProvider} needs. */
export interface OpenAiOptions {
  /** The prefix of its model ids: `openai`, or the name of a compatible service. */
  name: string;
  /** Not needed by a local server such as Ollama; no `Authorization` is sent then. */
  apiKey?: string | undefined;
  /** OpenAI's own unless given, with its `/v1`. */
  baseURL?: string | undefined;
  /** What the service does otherwise than OpenAI. */
  dialect?: Dialect;
}

/** What a compatible service does otherwise than OpenAI. */
export interface Dialect {
  /** Fields of the request beside those of OpenAI. */
  fields?: Readonly<Record<string, unknown>>;
  callFieldsOf?: OpenAiFields['callFieldsOf'];
  costOf?: CostReader;
  classify?: (error: unknown) => ProviderError;
  /** Thoughts may stand in the content, see {@link ThinkTags}; by default anywhere but at OpenAI. */
  thoughtsInContent?: boolean;
  /** A model of its list; undefined for one that does not write text. */
  toModel?: (entry: Entry) => ListedModel | undefined;
}

/** OpenAI's chat completions, and every server that is compatible with them. */
export function createOpenAiProvider(options: OpenAiOptions): Provider {
  const { name, apiKey, baseURL = OPENAI_BASE_URL, dialect = {} } = options;
  const { classify = classifyError, toModel = toOpenAiModel(isOpenAi(baseURL)) } = dialect;
  const { thoughtsInContent = !isOpenAi(baseURL) } = dialect;
  const fields = { ...openAiFieldsOf(baseURL), callFieldsOf: dialect.callFieldsOf };
  const upstream = createUpstreamFetch();
  const client = loadClient({ apiKey, baseURL, fetch: upstream });
  client.catch(() => {}); // Every stream that awaits it reports the failure.
  return {
    name,
    stream: (request, signal) =>
      streamSse(
        {
          reader: createOpenAiReader({
            costOf: dialect.costOf,
            thinkTags: thoughtsInContent ? new ThinkTags() : undefined,
          }),
          send: async (abort) =>
            (await client).chat.completions
              .create({ ...dialect.fields, ...toOpenAiBody(request, fields) }, { signal: abort })
              .asResponse(),
          classify,
        },
        signal,
      ),
    listModels: (signal) =>
      listSafely({
        ask: async () => {
          const listing = (await client).withOptions({ fetch: readingWhole(upstream) });
          const body = await listing.get('/models', { signal });
          return entriesOf(body).flatMap((entry) => toModel(entry) ?? []);
        },
        classify,
        signal,
      }),
  };
}

/** What the fields of a request are at a service, as far as its host tells. */
export function openAiFieldsOf(baseURL: string): OpenAiFields {
  return { limitName: tokenLimitName(baseURL), takesTopK: !isOpenAi(baseURL) };
}

/**
 * OpenAI (and OpenAI on Azure) refuses `max_tokens` for its newer models and knows `max_completion_tokens` for
 * all; many compatible servers only know `max_tokens`. So the host decides.
 */
export function tokenLimitName(baseURL: string): LimitName {
  return isOpenAi(baseURL) ? 'max_completion_tokens' : 'max_tokens';
}

function isOpenAi(baseURL: string): boolean {
  return /(^|\.)(openai\.com|openai\.azure\.com)$/.test(new URL(baseURL).hostname);
}

interface ClientOptions {
  apiKey: string | undefined;
  baseURL: string;
  fetch: typeof fetch;
}

/** The SDK is loaded only where it is used: it costs a cold start up to 300 ms. */
async function loadClient({ apiKey, baseURL, fetch }: ClientOptions): Promise<OpenAI> {
  const sdk = await import('openai');
  return new sdk.OpenAI({
    apiKey: apiKey ?? 'none',
    baseURL,
    maxRetries: 0,
    fetch,
    // At `debug` the SDK logs prompts, and it takes the level from the environment.
    logLevel: 'off',
    organization: null,
    project: null,
    ...(apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
  });
}
