import { z } from 'zod';
import { SCOPES } from '../contracts/permissions.ts';

/**
 * An identity that was put aside for a while, as a ticket or a cookie, and comes back. All of it: without its scopes that
 * of an API key would do whatever its owner may.
 */
export const identitySchema = z.object({
  userId: z.string(),
  /** The role at the time of signing in. */
  role: z.string(),
  /** What can be revoked: the sign-in that the token belongs to, or the API key. */
  familyId: z.string(),
  tokenId: z.string(),
  /** What an API key was made for; left out for a sign-in, which may do whatever its account may. */
  scopes: z.array(z.enum(SCOPES)).readonly().exactOptional(),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
});

/** Who asks, as the access token or the API key says. */
export type Identity = z.infer<typeof identitySchema>;
