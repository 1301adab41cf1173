import type { AnsweredRequest } from '../../base/metrics.ts';
import type { AppContext, AppMiddleware } from '../context.ts';

/** Methods that are told apart; anybody may send others. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const MS = 1000;

/**
 * Tells of each request once its answer has gone out: by the pattern of its route, `unmatched` where it has none. Of an event
 * stream the time until it began counts; a request whose client went away before its answer is not told of.
 */
export function measureRequests(observe: (request: AnsweredRequest) => void): AppMiddleware {
  return async (ctx, next) => {
    const startedMs = performance.now();
    const tell = () => {
      if (!ctx.headerSent) return;
      const { _matchedRoute: route } = ctx as AppContext;
      observe({
        method: METHODS.has(ctx.method) ? ctx.method : 'OTHER',
        route: typeof route === 'string' ? route : 'unmatched',
        status: ctx.res.statusCode,
        seconds: (performance.now() - startedMs) / MS,
      });
    };
    ctx.res.once('close', tell);
    await next();
    if (ctx.respond !== false || !ctx.headerSent) return;
    ctx.res.off('close', tell);
    tell();
  };
}
