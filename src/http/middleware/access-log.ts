import { now } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { AppContext, AppMiddleware } from '../context.ts';

/** Longest path that is logged of a request that no route took. */
const MAX_PATH = 200;

/** What may be a secret in a path that no route took: somebody opens a reset link with another method, or a wrong one. */
const withoutSecrets = (path = ''): string => path.replace(/[\w.-]{40,}/g, '[secret]');

/**
 * One line for each request, once its answer has gone out or its connection is lost: for a stream, at its end.
 * No query (prompts, tickets), no body, and of a known route the pattern instead of the path (reset tokens).
 */
export function accessLog(log: Logger): AppMiddleware {
  return async (ctx, next) => {
    const startedAt = now();
    ctx.res.once('close', () => {
      const { requestId, userId } = ctx.state;
      const { _matchedRoute: route } = ctx as AppContext;
      log.info(
        {
          requestId,
          userId,
          method: ctx.method,
          route: typeof route === 'string' ? route : undefined,
          path: route === undefined ? withoutSecrets(ctx.path).slice(0, MAX_PATH) : undefined,
          status: ctx.headerSent ? ctx.res.statusCode : undefined,
          ms: now() - startedAt,
          ip: ctx.ip,
          ...(ctx.res.writableFinished ? {} : { aborted: true }),
        },
        'request',
      );
    });
    await next();
  };
}
