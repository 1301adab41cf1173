import type { RouterContext } from '@koa/router';
import type { Middleware } from 'koa';
import type { ErrorShape } from '../contracts/route.ts';
import type { RateLimitState } from '../services/rate-limits.ts';

/** What the middleware leaves for those after it. */
export interface AppState {
  requestId: string;
  /** Set once the request is known to be of somebody; for the log. */
  userId?: string;
  /** In whose words the route refuses; undefined where no route was found. */
  errorShape?: ErrorShape;
  /** The limits that the answer tells of, by name. */
  rateLimits?: Map<string, RateLimitState>;
}

/** A request and its answer, before routing and after. */
export type AppContext = RouterContext<AppState>;

/** Middleware of this app. */
export type AppMiddleware = Middleware<AppState>;
