import cors from '@koa/cors';
import type { AppMiddleware } from '../context.ts';

const EXPOSED = [
  'Content-Disposition',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Request-Id',
];
const PREFLIGHT_SECONDS = 600;

/**
 * CORS for the configured origins, with credentials; for `*` any origin, without. Undefined when none is
 * configured: then no CORS header is sent, and browsers refuse.
 */
export function crossOrigin(origins: readonly string[]): AppMiddleware | undefined {
  if (origins.length === 0) return undefined;
  const any = origins.includes('*');
  const isAllowed = createOriginCheck(origins);
  return cors({
    // An empty answer means: no CORS headers for this origin.
    origin: (ctx) => (any ? '*' : isAllowed(ctx.get('origin')) ? ctx.get('origin') : ''),
    credentials: !any,
    exposeHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
    keepHeadersOnError: false,
  });
}

/** Whether an `Origin` header names one of the configured origins. `*` is not one. */
export function createOriginCheck(origins: readonly string[]): (origin: string) => boolean {
  const normal = (origin: string) => origin.toLowerCase().replace(/\/$/, '');
  const allowed = new Set(origins.filter((origin) => origin !== '*').map(normal));
  return (origin) => origin !== '' && allowed.has(normal(origin));
}
