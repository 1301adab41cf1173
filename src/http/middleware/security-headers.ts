import koaHelmet from 'koa-helmet';
import type { AppMiddleware } from '../context.ts';

/**
 * The headers of an API: nothing that it answers is a page, may be framed, sniffed or cached. What is a page
 * (the docs) sets its own policy over these.
 */
export function securityHeaders(): AppMiddleware {
  const helmet = koaHelmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Not for sub-domains: those are not ours to decide about.
    strictTransportSecurity: { includeSubDomains: false },
    // Each header costs time on every answer, and these say nothing about JSON.
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  return (ctx, next) => {
    ctx.set('Cache-Control', 'no-store');
    return helmet(ctx, next);
  };
}
