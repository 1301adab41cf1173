import { AppError } from '../base/errors.ts';
import type { IdentifyRefreshToken } from '../services/identify-refresh-token.ts';
import { looksLikeRefreshToken } from '../services/refresh-secrets.ts';
import { bearerToken } from './bearer.ts';
import type { AppContext } from './context.ts';
import type { RefreshCookie } from './refresh-cookie.ts';
import type { Authentication } from './route-table.ts';

/** The refresh token in `Authorization`. Many clients send their access token with every request: that is none, and no reason to fail. */
export function refreshTokenInHeader(ctx: AppContext): string | undefined {
  const token = bearerToken(ctx.get('authorization'));
  return token !== undefined && looksLikeRefreshToken(token) ? token : undefined;
}

/**
 * Does something with the refresh token in the cookie. One that is no good never will be again: it is taken back from the
 * browser.
 *
 * @returns undefined without a cookie
 * @throws {AppError} `forbidden` to pages of origins that are not allowed, and what `work` throws
 */
export async function withRefreshCookie<T>(
  ctx: AppContext,
  cookie: RefreshCookie,
  work: (token: string) => Promise<T>,
): Promise<T | undefined> {
  const token = cookie.read(ctx);
  if (token === undefined) return undefined;
  try {
    return await work(token);
  } catch (error) {
    if (error instanceof AppError && error.status === 401) cookie.clear(ctx);
    throw error;
  }
}

/** Finds out whose refresh token a request brings, in its header or as the cookie, and leaves that as it is. */
export function createIdentifyRefresh(
  identify: IdentifyRefreshToken,
  cookie: RefreshCookie,
): Authentication['identifyRefresh'] {
  return async (ctx) => {
    const token = refreshTokenInHeader(ctx);
    return token === undefined ? withRefreshCookie(ctx, cookie, identify) : identify(token);
  };
}
