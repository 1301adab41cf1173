import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto';
import { now } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { type Identity, identitySchema } from './identity.ts';
import type { Revocations } from './revocations.ts';

/** What a browser holds in place of an access token while it shows the board of queues. */
export interface BoardSessions {
  /** A signed text that speaks for an identity, for a short time and in every process. */
  issue(identity: Identity): { value: string; seconds: number };
  /**
   * Who such a text speaks for.
   *
   * @throws {AppError} `unauthenticated` for what is none of ours, `token_expired`, `token_revoked` with its sign-in or key
   */
  read(value: string): Identity;
}

/** Longest life, in milliseconds. */
const LIFE_MS = 15 * 60_000;
const KEY_BYTES = 32;

/** Makes the sessions. Their key is derived from the secret that signs access tokens, and is good for nothing else. */
export function createBoardSessions({
  secret,
  revocations,
  accessTokenMinutes,
}: {
  secret: string;
  revocations: Pick<Revocations, 'isRevoked'>;
  /** Life of an access token. */
  accessTokenMinutes: number;
}): BoardSessions {
  // An API key may live for years, and that it was revoked is remembered only as long as an access token lives.
  const lifeMs = Math.min(LIFE_MS, accessTokenMinutes * 60_000);
  const key = createSecretKey(
    Buffer.from(hkdfSync('sha256', secret, '', 'parley queue board session', KEY_BYTES)),
  );
  const sign = (text: string) => createHmac('sha256', key).update(text).digest();

  return {
    issue(identity) {
      const expiresAt = Math.min(identity.expiresAt, now() + lifeMs);
      const text = Buffer.from(JSON.stringify({ ...identity, expiresAt })).toString('base64url');
      return {
        value: `${text}.${sign(text).toString('base64url')}`,
        seconds: Math.max(1, Math.floor((expiresAt - now()) / 1000)),
      };
    },

    read(value) {
      const [text = '', signature = ''] = value.split('.');
      const given = Buffer.from(signature, 'base64url');
      const expected = sign(text);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new AppError('unauthenticated', 'The session of the board is not valid.');
      }
      const identity = identitySchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
      if (identity.expiresAt <= now()) {
        throw new AppError('token_expired', 'The session of the board has expired. Get another ticket.');
      }
      if (!revocations.isRevoked(identity.familyId)) return identity;
      throw new AppError('token_revoked', 'What the session of the board was issued for has been revoked.');
    },
  };
}
