import { createHash, randomBytes } from 'node:crypto';

/** A secret for URLs and headers: `bytes` random bytes (default 32), base64url. */
export function newSecret(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

/** Whether a text can be a {@link newSecret} of 32 bytes. Nothing else need reach a store to be refused. */
export const looksLikeSecret = (text: string): boolean => /^[\w-]{43}$/.test(text);

/**
 * SHA-256 of a secret, by which it is kept and found: who reads the store has no secrets. They are random throughout:
 * nothing slower is needed to keep them from being guessed.
 */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();
