import { invalidField } from '../../base/errors.ts';
import type { AppMiddleware } from '../context.ts';

const API_PREFIX = '/api';

/**
 * Makes `/api/auth/login` the same as `/auth/login`, for everything after it, and refuses URLs that are not
 * UTF-8 before somebody replaces in silence what they hold. `/api` alone is left: Swagger UI is there.
 *
 * @throws {AppError} `validation_failed`
 */
export function normalUrl(): AppMiddleware {
  return async (ctx, next) => {
    requireDecodable(ctx.path ?? '', 'path');
    requireDecodable(ctx.querystring, 'query');
    if (ctx.url.startsWith(`${API_PREFIX}/`) && ctx.path !== `${API_PREFIX}/`) {
      ctx.url = ctx.url.slice(API_PREFIX.length);
    }
    await next();
  };
}

function requireDecodable(text: string, path: string): void {
  try {
    decodeURIComponent(text);
  } catch {
    throw invalidField(path, 'must be percent-encoded UTF-8');
  }
}
