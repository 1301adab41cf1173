import type { RequestListener } from 'node:http';
import Koa from 'koa';
import type { Config } from '../base/config.ts';
import type { Logger } from '../base/logger.ts';
import type { AnsweredRequest } from '../base/metrics.ts';
import type { RouteContract } from '../contracts/route.ts';
import type { RateLimits } from '../services/rate-limits.ts';
import type { AppState } from './context.ts';
import { accessLog } from './middleware/access-log.ts';
import { clientIp } from './middleware/client-ip.ts';
import { crossOrigin } from './middleware/cross-origin.ts';
import { measureRequests } from './middleware/measure-requests.ts';
import { normalUrl, originForm } from './middleware/normal-url.ts';
import { problems } from './middleware/problems.ts';
import { requestId } from './middleware/request-id.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { unmatched } from './middleware/unmatched.ts';
import { createJsonBodyReader } from './read-json-body.ts';
import { type Authentication, createRouteTable, type RouteModule } from './route-table.ts';
import { createShapeOf } from './shape-of.ts';

/** What {@link createHttpApp} works with. */
export interface HttpAppOptions extends Authentication {
  config: Pick<Config, 'CORS_ORIGINS' | 'MAX_BODY_BYTES' | 'TRUST_PROXY_HOPS'>;
  log: Logger;
  rateLimits: RateLimits;
  /** Told of each request that was answered. */
  onAnswered?: (request: AnsweredRequest) => void;
  /** The routes of each resource. */
  routes: RouteModule[];
}

/** The HTTP side of a web process. */
export interface HttpApp {
  /** For `http.createServer`. */
  readonly listener: RequestListener;
  /** Every route that is mounted. */
  readonly contracts: readonly RouteContract[];
}

/** Builds the HTTP app; it opens nothing. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { config, log, routes, rateLimits } = options;
  const readBody = createJsonBodyReader(config.MAX_BODY_BYTES);
  const table = createRouteTable({ ...options, readBody });
  for (const mount of routes) mount(table);

  const app = new Koa<AppState>({ proxy: config.TRUST_PROXY_HOPS > 0 });
  app.use(originForm());
  app.use(clientIp(config.TRUST_PROXY_HOPS));
  app.use(requestId());
  app.use(accessLog(log));
  if (options.onAnswered) app.use(measureRequests(options.onAnswered));
  app.use(problems(log, createShapeOf(table)));
  app.use(securityHeaders());
  const cors = crossOrigin(config.CORS_ORIGINS);
  if (cors) app.use(cors);
  app.use(normalUrl());
  app.use(table.router.routes());
  app.use(unmatched(rateLimits));
  // What reaches this has an answer that is under way: nearly always a client that went away.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'failed to send an answer'));

  return { listener: app.callback(), contracts: table.contracts };
}
