import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { AppError, toProblem } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Logger } from '../base/logger.ts';
import { METRICS_TYPE, type Metrics } from '../base/metrics.ts';
import { createHttpServer } from './http-server.ts';
import { listen } from './listen.ts';
import { createMetricsAccess } from './metrics-access.ts';

/** What the listener works with. */
export interface MetricsListenerOptions {
  metrics: Pick<Metrics, 'text'>;
  /** METRICS_TOKEN */
  token: string | undefined;
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Logger;
}

/**
 * Serves `GET /metrics`, and nothing else, for a process that has no HTTP side of its own.
 *
 * @throws when it cannot listen, naming the variable
 */
export async function startMetricsListener(options: MetricsListenerOptions): Promise<Server> {
  const { metrics, token, log } = options;
  const requireAccess = createMetricsAccess(token);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const [path] = (request.url ?? '').split('?');
      if (path !== '/metrics' && path !== '/api/metrics') {
        throw new AppError('not_found', 'There is nothing at this path.');
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new AppError('method_not_allowed', 'This path answers to GET.');
      }
      requireAccess(request);
      const text = await metrics.text();
      response.writeHead(200, { 'Content-Type': METRICS_TYPE, 'Cache-Control': 'no-store' }).end(text);
    } catch (error) {
      const problem = toProblem(error, newId());
      if (problem.status >= 500) log.error({ err: error }, 'failed to answer with the metrics');
      response
        .writeHead(problem.status, {
          'Content-Type': 'application/problem+json',
          ...(problem.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
        })
        .end(JSON.stringify(problem));
    }
  }

  const server = createHttpServer();
  server.on('request', (request, response) => void answer(request, response));
  await listen(server, { ...options, portName: 'METRICS_PORT' });
  return server;
}
