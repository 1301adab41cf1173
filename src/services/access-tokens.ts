import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { BoundedMap } from '../base/bounded-map.ts';
import { now } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Identity } from './identity.ts';

/** Makes and checks access tokens. */
export interface AccessTokens {
  issue(user: { id: string; role: string }, familyId: string): IssuedAccessToken;
  /**
   * Who the token speaks for. Knows nothing of revocations.
   *
   * @throws {AppError} `token_expired`, or `unauthenticated` for everything that is not a good token of ours
   */
  verify(token: string): Readonly<Identity>;
}

/** A new access token. */
export interface IssuedAccessToken {
  token: string;
  expiresInSeconds: number;
}

/** How access tokens are signed, and how long they live. */
export interface AccessTokenSettings {
  secret: string;
  minutes: number;
}

/** Stands for both issuer and audience: a token of another service with the same secret is none of ours. */
const PARLEY = 'parley';
const ALGORITHM = 'HS256';

/** Most tokens that are kept in mind. */
const MAX_KNOWN = 5_000;

const claimsSchema = z.object({
  sub: z.uuid(),
  fam: z.uuid(),
  role: z.string(),
  jti: z.uuid(),
  exp: z.number(),
});

/** Access tokens: JWT, HS256 and nothing else. */
export function createAccessTokens({ secret, minutes }: AccessTokenSettings): AccessTokens {
  const key = createSecretKey(Buffer.from(secret));
  const expiresInSeconds = Math.max(1, Math.round(minutes * 60));
  /** Tokens that were found good: what is signed says the same each time, until it expires. */
  const known = new BoundedMap<string, Readonly<Identity>>(MAX_KNOWN);
  return {
    issue(user, familyId) {
      const token = jwt.sign({ fam: familyId, role: user.role }, key, {
        algorithm: ALGORITHM,
        issuer: PARLEY,
        audience: PARLEY,
        subject: user.id,
        jwtid: newId(),
        expiresIn: expiresInSeconds,
      });
      return { token, expiresInSeconds };
    },

    verify(token) {
      const before = known.get(token);
      if (before && before.expiresAt > now()) return before;
      const { sub, fam, role, jti, exp } = readClaims(token, key);
      const identity = { userId: sub, role, familyId: fam, tokenId: jti, expiresAt: exp * 1000 };
      known.set(token, identity);
      return identity;
    },
  };
}

function readClaims(token: string, key: KeyObject): z.infer<typeof claimsSchema> {
  try {
    return claimsSchema.parse(
      jwt.verify(token, key, { algorithms: [ALGORITHM], issuer: PARLEY, audience: PARLEY }),
    );
  } catch (cause) {
    if (cause instanceof jwt.TokenExpiredError) {
      throw new AppError('token_expired', 'The access token has expired. Refresh it.', { cause });
    }
    throw new AppError('unauthenticated', 'The access token is not valid.', { cause });
  }
}
