import { looksLikeSecret, newSecret } from '../base/secrets.ts';

const PREFIX = 'pk_';
/** Characters after `pk_` that are kept to show. 35 of them stay secret: 210 bits. */
const SHOWN = 8;

/** A new API key: `pk_` and 32 random bytes, base64url. The database knows it by its hash alone. */
export const newApiKeySecret = (): string => PREFIX + newSecret(32);

/** How a key begins, for people to tell it from others. */
export const apiKeyPrefix = (key: string): string => key.slice(0, PREFIX.length + SHOWN);

/** Whether a text is meant as an API key, good or not: no access token begins like that. */
export const isMeantAsApiKey = (text: string): boolean => text.startsWith(PREFIX);

/** Whether a text can be a key of ours. */
export const looksLikeApiKey = (text: string): boolean =>
  isMeantAsApiKey(text) && looksLikeSecret(text.slice(PREFIX.length));
