import { isFailure } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { presentProblem } from '../../presenters/problem.ts';
import type { AppContext, AppMiddleware } from '../context.ts';
import type { ShapeOf } from '../shape-of.ts';

/**
 * The one place that turns whatever is thrown into an answer: `application/problem+json` (RFC 9457), or what the clients of
 * another API understand, where a route is for those.
 */
export function problems(log: Logger, shapeOf: ShapeOf): AppMiddleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const { requestId } = ctx.state;
      const problem = presentProblem(error, requestId);
      const { code } = problem;
      if (isFailure(problem)) log.error({ err: error, requestId, code }, 'failed to answer a request');
      else log.debug({ requestId, code }, 'refused a request');
      if (ctx.headerSent || ctx.respond === false) {
        // An answer has begun: the client must see that it is not whole, so nobody may end it in good order.
        ctx.respond = false;
        ctx.res.destroy();
        return;
      }
      const { status, contentType, body, headers = {} } = shapeOf(ctx as AppContext)(problem);
      if (problem.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(problem.retryAfterSeconds));
      if (status === 401) ctx.set('WWW-Authenticate', 'Bearer');
      ctx.set(headers);
      ctx.status = status;
      ctx.type = contentType;
      ctx.body = JSON.stringify(body);
    }
  };
}
