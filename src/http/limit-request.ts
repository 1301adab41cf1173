import { addressBlock } from '../base/client-address.ts';
import type { RouteContract } from '../contracts/route.ts';
import type { RateLimitState, RateLimits } from '../services/rate-limits.ts';
import type { AppContext } from './context.ts';

/**
 * Counts a request, by the address that it comes from: every one against the global limit, one to an auth route against
 * that limit as well. Generations are counted by who starts them, where a repeated request is known as one.
 *
 * @throws {AppError} `rate_limited`
 */
export async function limitRequest(
  limits: RateLimits,
  limited: RouteContract['rateLimit'],
  ctx: Pick<AppContext, 'ip' | 'state' | 'set'>,
): Promise<void> {
  if (limited === 'none') return;
  const address = addressBlock(ctx.ip);
  const note = (state: RateLimitState) => noteRateLimit(ctx, state);
  await limits.global.count(address, note);
  if (limited === 'auth') await limits.auth.count(address, note);
}

/**
 * Has the answer tell of a limit, beside those that it tells of already: structured fields, as in
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export function noteRateLimit(ctx: Pick<AppContext, 'state' | 'set'>, state: RateLimitState): void {
  ctx.state.rateLimits ??= new Map();
  ctx.state.rateLimits.set(state.name, state);
  const noted = [...ctx.state.rateLimits.values()];
  const list = (item: (state: RateLimitState) => string) => noted.map(item).join(', ');
  ctx.set(
    'RateLimit-Policy',
    list(({ name, limit, windowSeconds }) => `"${name}";q=${limit};w=${windowSeconds}`),
  );
  ctx.set(
    'RateLimit',
    list(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`),
  );
}
