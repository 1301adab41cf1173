import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import type { AppContext } from './context.ts';
import { createOriginCheck } from './middleware/cross-origin.ts';

/** The refresh token of a browser, where scripts cannot read it. */
export interface RefreshCookie {
  /** The token; undefined without one. @throws {AppError} `forbidden` to pages of origins that are not allowed */
  read(ctx: AppContext): string | undefined;
  write(ctx: AppContext, token: string): void;
  clear(ctx: AppContext): void;
}

/** Name of the cookie. */
export const REFRESH_COOKIE = 'parley_refresh';

/**
 * A path covers one prefix, and the API has two. Two cookies, always set together, keep the token out of
 * every other request; which of them a browser sends depends on the URL it refreshes with.
 */
const PATHS = ['/auth', '/api/auth'];
const SECONDS_PER_DAY = 86_400;

/**
 * Makes the access to the cookie. `SameSite=Strict`: it is only ever needed by a script of the client's own
 * site, never by a navigation. `Secure` in production. Since sites are wider than origins, a request that a
 * browser made for another origin than ours or a configured one is refused: no CSRF.
 */
export function createRefreshCookie(
  config: Pick<Config, 'production' | 'REFRESH_TOKEN_DAYS' | 'CORS_ORIGINS' | 'PUBLIC_URL'>,
): RefreshCookie {
  const { CORS_ORIGINS, PUBLIC_URL } = config;
  const own = PUBLIC_URL ? [new URL(PUBLIC_URL).origin] : [];
  const isAllowed = createOriginCheck([...CORS_ORIGINS, ...own]);
  const maxAge = Math.round(config.REFRESH_TOKEN_DAYS * SECONDS_PER_DAY);

  function set(ctx: AppContext, value: string, seconds: number): void {
    for (const path of PATHS) {
      const secure = config.production ? '; Secure' : '';
      ctx.append(
        'Set-Cookie',
        `${REFRESH_COOKIE}=${value}; Path=${path}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`,
      );
    }
  }

  return {
    read(ctx) {
      const token = ctx.cookies.get(REFRESH_COOKIE);
      if (token === undefined || isOwnOrigin(ctx) || isAllowed(ctx.get('origin'))) return token;
      throw new AppError('forbidden', 'The refresh cookie is not for pages of this origin.');
    },
    write: (ctx, token) => set(ctx, token, maxAge),
    clear: (ctx) => set(ctx, '', 0),
  };
}

/** Browsers say where a POST comes from; programs other than browsers do not, and cannot be tricked. */
function isOwnOrigin(ctx: AppContext): boolean {
  const origin = ctx.get('origin');
  const site = ctx.get('sec-fetch-site');
  if (origin === '') return site === '' || site === 'same-origin' || site === 'none';
  return URL.canParse(origin) && new URL(origin).host === ctx.host;
}
