import { createHash } from 'node:crypto';
import { newSecret } from '../base/ids.ts';

const PREFIX = 'pk_';
/** Characters after `pk_` that are kept to show. 35 of them stay secret: 210 bits. */
const SHOWN = 8;

/** A new API key: `pk_` and 32 random bytes, base64url. The database knows it by its hash alone. */
export const newApiKeySecret = (): string => PREFIX + newSecret(32);

/** How a key begins, for people to tell it from others. */
export const apiKeyPrefix = (key: string): string => key.slice(0, PREFIX.length + SHOWN);

/** SHA-256 of a key. It is random throughout: nothing slower is needed to keep it from being guessed. */
export const hashApiKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Whether a text is meant as an API key, good or not: no access token begins like that. */
export const isMeantAsApiKey = (text: string): boolean => text.startsWith(PREFIX);

/** Whether a text can be a key of ours. */
export const looksLikeApiKey = (text: string): boolean => /^pk_[\w-]{43}$/.test(text);
