import type { GoogleGenAI } from '@google/genai';
import { classifyGeminiError, GeminiHttpError } from './gemini-error.ts';
import { toGeminiModel } from './gemini-models.ts';
import { createGeminiReader } from './gemini-reader.ts';
import { toGeminiRequest } from './gemini-request.ts';
import { asEntry, entriesOf, listSafely } from './list-models.ts';
import type { ListedModel, Provider } from './provider.ts';
import { streamSse } from './sse-exchange.ts';
import { createUpstreamFetch, readingWhole } from './upstream-fetch.ts';

const GEMINI_BASE_URL = 'https://generativelanguage.googleapis.com';

/** What {@link createGeminiProvider} needs. */
export interface GeminiOptions {
  apiKey: string;
  /** Google's own unless given; the SDK adds the version, so one at its end goes. */
  baseURL?: string | undefined;
}

/** Google's Gemini. */
export function createGeminiProvider(options: GeminiOptions): Provider {
  const upstream = createUpstreamFetch();
  const client = loadClient(options);
  client.catch(() => {}); // Every stream that awaits it reports the failure.
  return {
    name: 'gemini',
    stream: (request, signal) =>
      streamSse(
        {
          reader: createGeminiReader(),
          send: async (abort) => {
            const { models } = await client;
            return takeResponse(upstream, (fetch) =>
              models.generateContentStream(toGeminiRequest(request, { abort, fetch })),
            );
          },
          classify: classifyGeminiError,
        },
        signal,
      ),
    listModels: (signal) =>
      listSafely({
        ask: async () => listPages(await client, readingWhole(upstream), signal),
        classify: classifyGeminiError,
        signal,
      }),
  };
}

/**
 * Lets the SDK send a request and takes the answer before the SDK reads it: its own reading of a stream costs four
 * times as much (docs/decisions/0010-gemini-by-its-sdk.md), and its errors lose all but the status.
 *
 * @throws {GeminiHttpError} for an answer that is not 2xx
 */
async function takeResponse(
  upstream: typeof fetch,
  send: (fetch: typeof globalThis.fetch) => Promise<unknown>,
): Promise<Response> {
  let taken: Response | undefined;
  await send(async (url, init) => {
    taken = await refusing(upstream)(url, init);
    return taken;
  });
  if (!taken) throw new TypeError('The SDK sent nothing.');
  return taken;
}

function refusing(upstream: typeof fetch): typeof fetch {
  return async (url, init) => {
    const answer = await upstream(url, init);
    if (!answer.ok) throw await GeminiHttpError.of(answer);
    return answer;
  };
}

/** The SDK's own paging takes an answer that is no list for an empty one, so it only sends the requests. */
async function listPages(
  { models }: GoogleGenAI,
  upstream: typeof fetch,
  signal: AbortSignal,
): Promise<ListedModel[]> {
  const found: ListedModel[] = [];
  for (let pageToken: string | undefined; ; ) {
    let answer = '';
    const reading: typeof fetch = async (url, init) => {
      answer = await (await refusing(upstream)(url, init)).text();
      return new Response('{}', { headers: { 'content-type': 'application/json' } });
    };
    await models.list({
      config: {
        pageSize: 1000,
        ...(pageToken === undefined ? {} : { pageToken }),
        abortSignal: signal,
        httpOptions: { fetch: reading },
      },
    });
    const page: unknown = JSON.parse(answer);
    const { models: onPage, nextPageToken } = asEntry(page);
    // A last page may be empty, and what is empty is left out of this wire.
    if (onPage !== undefined || pageToken === undefined) {
      found.push(...entriesOf(page, 'models').flatMap((entry) => toGeminiModel(entry) ?? []));
    }
    if (typeof nextPageToken !== 'string' || nextPageToken === '' || nextPageToken === pageToken)
      return found;
    pageToken = nextPageToken;
  }
}

/** The SDK is loaded only where it is used: it costs a cold start up to 400 ms. */
async function loadClient({ apiKey, baseURL = GEMINI_BASE_URL }: GeminiOptions): Promise<GoogleGenAI> {
  const sdk = await import('@google/genai');
  return new sdk.GoogleGenAI({
    apiKey,
    // Else the environment could choose another service, or another address.
    enterprise: false,
    httpOptions: { baseUrl: baseURL.replace(/\/v1(alpha|beta)?\/?$/, '') },
  });
}
