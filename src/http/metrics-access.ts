import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { clientAddress } from '../base/client-address.ts';
import { AppError } from '../base/errors.ts';
import { bearerToken } from './bearer.ts';

/** Headers by which a request shows that it came through a proxy, whose own address is then no proof of anything. */
const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * Makes sure that a request may read the metrics: with METRICS_TOKEN whoever sends it, from wherever; without it
 * whoever connects from this machine itself, through no proxy.
 *
 * @throws {AppError} `unauthenticated` without the token, `forbidden` from elsewhere
 */
export type RequireMetricsAccess = (request: IncomingMessage) => void;

/** Makes the check. @param token METRICS_TOKEN */
export function createMetricsAccess(token: string | undefined): RequireMetricsAccess {
  return ({ headers, socket: { remoteAddress } }) => {
    if (token !== undefined) {
      const given = bearerToken(headers.authorization ?? '');
      if (given !== undefined && isSame(given, token)) return;
      throw new AppError('unauthenticated', 'Send METRICS_TOKEN: `Authorization: Bearer <token>`.');
    }
    const proxied = FORWARDING.some((name) => headers[name] !== undefined);
    if (!proxied && isLoopback(clientAddress({ remoteAddress, forwardedFor: undefined }, 0))) return;
    throw new AppError('forbidden', 'Without METRICS_TOKEN the metrics are for this machine alone.');
  };
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** Takes the same time wherever they differ. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
