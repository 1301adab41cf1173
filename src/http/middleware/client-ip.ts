import { clientAddress } from '../../base/client-address.ts';
import type { AppMiddleware } from '../context.ts';

/** Makes `ctx.ip` the address of the client, as it is everywhere; Koa's own believes what is no address. */
export function clientIp(proxyHops: number): AppMiddleware {
  return (ctx, next) => {
    const { remoteAddress } = ctx.req.socket;
    ctx.request.ip = clientAddress({ remoteAddress, forwardedFor: ctx.get('x-forwarded-for') }, proxyHops);
    return next();
  };
}
