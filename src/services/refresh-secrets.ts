import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import { looksLikeSecret, newSecret } from '../base/secrets.ts';

/** Makes refresh tokens: 32 bytes, base64url, meaningless. The database knows them by their hash alone. */
export interface RefreshSecrets {
  /** The first token of a sign-in. */
  first(): string;
  /**
   * The token that follows `token`. Derived, so that whoever brings `token` again within the grace period
   * can be given the same successor without any process keeping it.
   */
  successorOf(token: string): string;
}

const KEY_BYTES = 32;

/** Derives the key of the successors from the secret that signs access tokens. */
export function createRefreshSecrets(jwtSecret: string): RefreshSecrets {
  const derived = hkdfSync('sha256', jwtSecret, '', 'parley refresh token successor', KEY_BYTES);
  const key = createSecretKey(Buffer.from(derived));
  return {
    first: () => newSecret(KEY_BYTES),
    successorOf: (token) => createHmac('sha256', key).update(token).digest('base64url'),
  };
}

/** Whether a text can be a refresh token: 32 bytes in base64url. */
export const looksLikeRefreshToken = (text: string): boolean => looksLikeSecret(text);
