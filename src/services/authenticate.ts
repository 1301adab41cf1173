import { AppError } from '../base/errors.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { Identity } from './identity.ts';
import type { Revocations } from './revocations.ts';

/**
 * Finds out who a token speaks for: HTTP, SSE and sockets all ask here.
 *
 * @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked`
 */
export type Authenticate = (token: string) => Identity | Promise<Identity>;

/**
 * The check of access tokens, in memory alone. API keys, and accounts whose role or activity changed since
 * they signed in, will be looked up here.
 */
export function createAuthenticate({
  accessTokens,
  revocations,
}: {
  accessTokens: AccessTokens;
  revocations: Pick<Revocations, 'isRevoked'>;
}): (token: string) => Identity {
  return (token) => {
    const identity = accessTokens.verify(token);
    if (!revocations.isRevoked(identity.familyId)) return identity;
    throw new AppError('token_revoked', 'This sign-in has been revoked. Sign in again.');
  };
}
