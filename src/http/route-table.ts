import { Router } from '@koa/router';
import { AppError } from '../base/errors.ts';
import type { RouteContract } from '../contracts/route.ts';
import type { Authorize } from '../services/authorize.ts';
import type { Identity } from '../services/identity.ts';
import type { RateLimits } from '../services/rate-limits.ts';
import { credentialOf } from './bearer.ts';
import type { AppContext, AppState } from './context.ts';
import type { ReadJsonBody } from './read-json-body.ts';

/** How tokens, tickets and permissions are checked. */
export interface Authentication {
  /** @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked` */
  authenticate: (token: string) => Identity | Promise<Identity>;
  /** Uses a stream ticket up. @throws {AppError} like `authenticate` */
  redeemTicket: (ticket: string) => Promise<Identity>;
  authorize: Authorize;
}

/** Every route of the app, mounted: what the router runs, what the OpenAPI document lists, what tests walk. */
export interface RouteTable {
  readonly router: Router<AppState>;
  /** In the order of mounting. */
  readonly contracts: RouteContract[];
  /** Who sends this request to a route with this access; undefined for public ones. */
  identify(access: RouteContract['access'], ctx: AppContext): Promise<Identity | undefined>;
  readonly authorize: Authorize;
  readonly rateLimits: RateLimits;
  readonly readBody: ReadJsonBody;
}

/** Mounts the routes of one resource. A route module exports a function that makes one from its services. */
export type RouteModule = (table: RouteTable) => void;

/** An empty table. */
export function createRouteTable({
  authenticate,
  redeemTicket,
  authorize,
  rateLimits,
  readBody,
}: Authentication & { rateLimits: RateLimits; readBody: ReadJsonBody }): RouteTable {
  return {
    router: new Router<AppState>(),
    contracts: [],
    authorize,
    rateLimits,
    readBody,
    async identify(access, ctx) {
      if (access === 'public') return undefined;
      const token = credentialOf(ctx);
      if (token !== undefined) return authenticate(token);
      const { ticket } = ctx.query;
      if (access === 'ticket' && typeof ticket === 'string') {
        if (ctx.method !== 'HEAD') return redeemTicket(ticket);
        // It is for one stream, and a HEAD opens none: it is neither used up nor told whether it is good.
        throw new AppError('unauthenticated', 'A ticket is for one GET. Send HEAD with an access token.');
      }
      throw new AppError(
        'unauthenticated',
        'Send an access token or an API key: `Authorization: Bearer <token>`.',
      );
    },
  };
}
