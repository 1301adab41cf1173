import { hash, verify } from '@node-rs/argon2';
import { newSecret } from '../base/secrets.ts';

/** argon2id, the library's default algorithm, with what OWASP asks for at least. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** The hash of a new password, as a PHC string. Runs on the thread pool; about 20 ms. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, COST);
}

let decoy: Promise<string> | undefined;

/**
 * Whether a password belongs to a hash. Null (no such account, or one without a password) is never right,
 * and takes as long as any other answer: who asks does not learn which addresses have an account.
 */
export async function isPasswordRight(passwordHash: string | null, password: string): Promise<boolean> {
  if (passwordHash !== null) return verify(passwordHash, password);
  decoy ??= hashPassword(newSecret());
  await verify(await decoy, password);
  return false;
}
