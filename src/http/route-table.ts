import { Router } from '@koa/router';
import { AppError } from '../base/errors.ts';
import type { RouteContract } from '../contracts/route.ts';
import type { Authorize } from '../services/authorize.ts';
import type { Identity } from '../services/identity.ts';
import type { RateLimits } from '../services/rate-limits.ts';
import { looksLikeRefreshToken } from '../services/refresh-secrets.ts';
import { credentialOf } from './bearer.ts';
import type { AppContext, AppState } from './context.ts';
import type { ReadJsonBody } from './read-json-body.ts';

/** How tokens, tickets and permissions are checked. */
export interface Authentication {
  /** @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked` */
  authenticate: (token: string) => Identity | Promise<Identity>;
  /** Uses a stream ticket up. @throws {AppError} like `authenticate` */
  redeemTicket: (ticket: string) => Promise<Identity>;
  /** Whose refresh token a request brings; undefined without one. @throws {AppError} like `authenticate`, and `forbidden` */
  identifyRefresh: (ctx: AppContext) => Promise<Identity | undefined>;
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
  identifyRefresh,
  authorize,
  rateLimits,
  readBody,
}: Authentication & Pick<RouteTable, 'rateLimits' | 'readBody'>): RouteTable {
  return {
    router: new Router<AppState>(),
    contracts: [],
    authorize,
    rateLimits,
    readBody,
    async identify(access, ctx) {
      if (access === 'public') return undefined;
      if (access === 'sign-in') return identifySignIn(ctx);
      const token = credentialOf(ctx);
      if (token !== undefined) return authenticate(token);
      const { ticket } = ctx.query;
      if (access === 'ticket' && typeof ticket === 'string') {
        if (ctx.method !== 'HEAD') return redeemTicket(ticket);
        // It is for one stream, and a HEAD opens none: it is neither used up nor told whether it is good.
        throw new AppError('unauthenticated', 'A ticket is for one GET. Send HEAD with an access token.');
      }
      throw nobody();
    },
  };

  /** A refresh token counts where an access token does not: it lives longer. */
  async function identifySignIn(ctx: AppContext): Promise<Identity> {
    const token = credentialOf(ctx);
    try {
      if (token !== undefined && !looksLikeRefreshToken(token)) return await authenticate(token);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'token_expired')) throw error;
      const identity = await identifyRefresh(ctx);
      if (identity) return identity;
      throw error;
    }
    const identity = await identifyRefresh(ctx);
    if (identity) return identity;
    throw nobody();
  }
}

const nobody = (): AppError =>
  new AppError('unauthenticated', 'Send an access token or an API key: `Authorization: Bearer <token>`.');
