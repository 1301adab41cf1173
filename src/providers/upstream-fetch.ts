import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';

/** Longest wait for a connection; after that a `timeout`. */
const CONNECT_TIMEOUT_MS = 10_000;

/** An error answer longer than this is cut; nothing in it is used but its code. */
const MAX_ERROR_BYTES = 64 * 1024;

/** The longest answer that is read whole; the longest list of models that is known has 1 MB. */
const MAX_WHOLE_BYTES = 32 * 1024 * 1024;

/**
 * The `fetch` that is given to the SDKs: undici's `request`, because with the body as a web stream each network
 * read costs more than twice the CPU (see `bench/provider-parse.ts`). It does what the SDKs use of `fetch`, for
 * requests whose body is text; it does not follow redirects, which would carry the key elsewhere.
 *
 * A successful answer is a {@link StreamingResponse}. There is no time limit once connected: the deadlines of
 * `guardProvider` apply.
 */
export function createUpstreamFetch(): typeof fetch {
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return async (url, init = {}) => {
    const answer = await request(String(url), {
      method: (init.method ?? 'GET') as Dispatcher.HttpMethod,
      headers: { ...Object.fromEntries(new Headers(init.headers)), 'accept-encoding': 'identity' },
      body: typeof init.body === 'string' ? init.body : null,
      signal: init.signal ?? undefined,
      dispatcher,
    });
    const head = { status: answer.statusCode, headers: headersOf(answer.headers) };
    if (answer.statusCode >= 200 && answer.statusCode < 300) return new StreamingResponse(answer.body, head);
    return new Response((await readStart(answer.body, MAX_ERROR_BYTES)) || null, head);
  };
}

/** The same for answers that are no streams: the whole body is read, and stands where the SDKs look for it. */
export function readingWhole(upstream: typeof fetch): typeof fetch {
  return async (url, init) => {
    const answer = await upstream(url, init);
    if (!(answer instanceof StreamingResponse)) return answer;
    const text = await readStart(answer.stream, MAX_WHOLE_BYTES);
    return new Response(text || null, { status: answer.status, headers: answer.headers });
  };
}

/** A successful answer whose body has not been read: take it from `stream`, the web body is empty. */
export class StreamingResponse extends Response {
  readonly stream: Readable;

  constructor(stream: Readable, head: { status: number; headers: Headers }) {
    super(null, head);
    this.stream = stream;
  }
}

function headersOf(raw: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) headers.append(name, one);
  }
  return headers;
}

async function readStart(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
