import type { Scope } from '../contracts/permissions.ts';

/** Who asks, as the access token or the API key says. */
export interface Identity {
  userId: string;
  /** The role at the time of signing in. */
  role: string;
  /** What can be revoked: the sign-in that the token belongs to, or the API key. */
  familyId: string;
  tokenId: string;
  /** What an API key was made for; undefined for a sign-in, which may do whatever its account may. */
  scopes?: readonly Scope[];
  /** Milliseconds since 1970. */
  expiresAt: number;
}
