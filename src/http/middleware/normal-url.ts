import { invalidField } from '../../base/errors.ts';
import type { AppMiddleware } from '../context.ts';

const API_PREFIX = '/api';

/**
 * Makes a whole URL, as for a proxy, the path and query that it is about (RFC 9112, section 3.2), before anybody reads them:
 * of one that cannot be read, reading throws. That becomes `/`, and is refused by {@link normalUrl}.
 */
export function originForm(): AppMiddleware {
  return (ctx, next) => {
    ctx.url = toOriginForm(ctx.url) ?? '/';
    return next();
  };
}

/**
 * Makes `/api/auth/login` the same as `/auth/login`, for everything after it, and refuses URLs that are not
 * UTF-8 before somebody replaces in silence what they hold. `/api` alone is left: Swagger UI is there.
 *
 * @throws {AppError} `validation_failed`
 */
export function normalUrl(): AppMiddleware {
  return async (ctx, next) => {
    if (toOriginForm(ctx.originalUrl) === undefined)
      throw invalidField('path', 'must be a path, or an http URL');
    if (ctx.req.httpVersion === '1.1' && !ctx.req.headers.host) {
      throw invalidField('headers.host', 'must be there, as RFC 9112 wants it');
    }
    requireDecodable(ctx.path ?? '', 'path');
    requireDecodable(ctx.querystring, 'query');
    if (ctx.url.startsWith(`${API_PREFIX}/`) && ctx.path !== `${API_PREFIX}/`) {
      ctx.url = ctx.url.slice(API_PREFIX.length);
    }
    await next();
  };
}

/** A path with its query as it is, and that of a URL; undefined for what is neither. */
function toOriginForm(target: string): string | undefined {
  if (target.startsWith('/') || target === '*') return target;
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return undefined;
  const { pathname, search } = new URL(target);
  return pathname + search;
}

function requireDecodable(text: string, path: string): void {
  try {
    decodeURIComponent(text);
  } catch {
    throw invalidField(path, 'must be percent-encoded UTF-8');
  }
}
