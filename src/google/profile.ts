import { z } from 'zod';

/** Who somebody is, as Google says. */
export interface GoogleProfile {
  /** Never changes, and is never given to another account. */
  id: string;
  /** Null where Google tells none. */
  email: string | null;
  /** Google has seen that the address is this person's. */
  emailVerified: boolean;
  name: string | null;
}

const MAX_NAME = 100;

/** https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload */
const userinfoSchema = z.object({
  sub: z.string().regex(/^[\x21-\x7e]{1,255}$/),
  email: z.email().max(254).nullable().catch(null),
  email_verified: z.boolean().catch(false),
  name: z.string().nullable().catch(null),
});

/** @throws when it is not what Google answers */
export function parseUserinfo(body: string): GoogleProfile {
  const { sub, email, email_verified: isVerified, name } = userinfoSchema.parse(JSON.parse(body));
  const line = (name ?? '').replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return {
    id: sub,
    email,
    emailVerified: email !== null && isVerified,
    name: line.slice(0, MAX_NAME).toWellFormed() || null,
  };
}
