import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * One step of an answer: bytes to write (each its own write, flushed before the next step), a pause, a promise
 * that is waited for, `stall` (nothing more, the connection stays open) or `reset` (the connection breaks).
 */
export type Step = string | Buffer | { pauseMs: number } | Promise<unknown> | 'stall' | 'reset';

/** How one request is answered. Without `stall` or `reset` the body ends cleanly after the last step. */
export interface Script {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** Only for a request that names this model: of several at once nobody knows which comes first. */
  model?: string;
  steps: Step[];
}

/** A request as the server got it. */
export interface RecordedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** Empty for a request without a body. */
  body: Record<string, unknown>;
  /** The client's port: equal for requests that came over one connection. */
  remotePort: number | undefined;
  /** Resolves when the exchange is over, with whether the client broke it off. */
  closed: Promise<{ abortedByClient: boolean }>;
}

/** A local server that speaks whatever it is told to, over HTTP. */
export interface ProviderWireServer {
  /** Without a path: the base URL for Anthropic and Gemini; with `/v1` for OpenAI. */
  url: string;
  /** The requests so far. */
  requests: RecordedRequest[];
  /** Tells how the next request that has no script yet is answered. */
  answer(script: Script): void;
  /** Resolves with the next request that arrives. */
  nextRequest(): Promise<RecordedRequest>;
  /** Forgets requests and scripts. */
  clear(): void;
  close(): Promise<void>;
}

/** Starts the server on a free port of the loopback. */
export async function startProviderWireServer(): Promise<ProviderWireServer> {
  const requests: RecordedRequest[] = [];
  const scripts: Script[] = [];
  const waiting: ((request: RecordedRequest) => void)[] = [];

  const server = createServer(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const { promise: closed, resolve } = withResolvers<{ abortedByClient: boolean }>();
    const recorded: RecordedRequest = {
      method: req.method ?? '',
      path: req.url ?? '',
      headers: req.headers,
      body: JSON.parse(Buffer.concat(parts).toString('utf8') || '{}'),
      remotePort: req.socket.remotePort,
      closed,
    };
    const script = takeScript(scripts, recorded.body.model) ?? { status: 500, steps: [] };
    const weReset = script.steps.includes('reset');
    res.on('close', () => resolve({ abortedByClient: !res.writableFinished && !weReset }));
    requests.push(recorded);
    waiting.shift()?.(recorded);
    await play(script, res);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (script) => void scripts.push(script),
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    clear: () => {
      for (const list of [requests, scripts, waiting]) list.length = 0;
    },
    close: () => closeServer(server),
  };
}

/** The first script that is for anybody, or for a request of this model. */
function takeScript(scripts: Script[], model: unknown): Script | undefined {
  const index = scripts.findIndex((script) => script.model === undefined || script.model === model);
  return index < 0 ? undefined : scripts.splice(index, 1)[0];
}

async function play(script: Script, res: ServerResponse): Promise<void> {
  const type = (script.status ?? 200) < 400 ? 'text/event-stream' : 'application/json';
  res.writeHead(script.status ?? 200, { 'content-type': type, ...script.headers });
  res.flushHeaders();
  for (const step of script.steps) {
    if (res.destroyed || step === 'stall') return;
    if (step === 'reset') {
      res.socket?.resetAndDestroy();
      return;
    }
    if (step instanceof Promise) await step;
    else if (typeof step === 'string' || Buffer.isBuffer(step)) await write(res, step);
    else await new Promise((resolve) => setTimeout(resolve, step.pauseMs));
  }
  res.end();
}

function write(res: ServerResponse, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve) => res.write(bytes, () => resolve()));
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((give) => {
    resolve = give;
  });
  return { promise, resolve };
}
