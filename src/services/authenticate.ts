import type { AccessTokens } from './access-tokens.ts';
import type { ApiKeyDirectory } from './api-key-directory.ts';
import { isMeantAsApiKey } from './api-key-secrets.ts';
import type { Identity } from './identity.ts';
import { signInRevoked } from './identity-refusals.ts';
import type { Revocations } from './revocations.ts';

/**
 * Finds out who an access token or an API key speaks for: HTTP, SSE and sockets all ask here.
 *
 * @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked`
 */
export type Authenticate = (token: string) => Identity | Promise<Identity>;

/** What {@link createAuthenticate} asks. */
export interface AuthenticateDeps {
  accessTokens: Pick<AccessTokens, 'verify'>;
  apiKeys: Pick<ApiKeyDirectory, 'identify'>;
  revocations: Pick<Revocations, 'isRevoked'>;
}

/** Makes the check. Access tokens are checked in memory alone, and so is a key that was used seconds ago. */
export function createAuthenticate({ accessTokens, apiKeys, revocations }: AuthenticateDeps): Authenticate {
  return (token) => {
    if (isMeantAsApiKey(token)) return apiKeys.identify(token);
    const identity = accessTokens.verify(token);
    if (!revocations.isRevoked(identity.familyId)) return identity;
    throw signInRevoked();
  };
}
