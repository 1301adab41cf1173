import { AppError } from '../../base/errors.ts';
import type { RateLimits } from '../../services/rate-limits.ts';
import type { AppContext, AppMiddleware } from '../context.ts';
import { limitRequest } from '../limit-request.ts';

/**
 * What no route took: `OPTIONS` is answered with what there is, a path that exists with another method is a
 * 405, all else a 404. It counts like any request. Stands behind the router.
 */
export function unmatched(limits: RateLimits): AppMiddleware {
  return async (ctx) => {
    await limitRequest(limits, undefined, ctx);
    const methods = new Set((ctx as AppContext).matched?.flatMap((layer) => layer.methods));
    if (methods.size === 0) throw new AppError('not_found', 'There is nothing at this path.');
    ctx.set('Allow', [...methods, 'OPTIONS'].sort().join(', '));
    if (ctx.method !== 'OPTIONS') {
      throw new AppError('method_not_allowed', `This path does not answer to ${ctx.method}.`);
    }
    ctx.status = 204;
  };
}
