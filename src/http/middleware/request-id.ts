import { randomUUID } from 'node:crypto';
import type { AppMiddleware } from '../context.ts';

/** What a caller's own id may look like; anything else could forge log lines or headers. */
const SANE = /^[\w.:-]{1,100}$/;

/** Gives each request an id, the caller's `X-Request-Id` where it is sane, and echoes it. */
export function requestId(): AppMiddleware {
  return async (ctx, next) => {
    const given = ctx.get('x-request-id');
    ctx.state.requestId = SANE.test(given) ? given : randomUUID();
    ctx.set('X-Request-Id', ctx.state.requestId);
    await next();
  };
}
