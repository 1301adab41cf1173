import type { ApiKey } from '../contracts/routes/api-keys.ts';
import type { ApiKeyRow } from '../data/repositories/api-keys.ts';

/** An API key in the shape of the contract: never the key itself, nor its hash. */
export function presentApiKey({
  id,
  name,
  prefix,
  scopes,
  createdAt,
  expiresAt,
  lastUsedAt,
}: ApiKeyRow): ApiKey {
  return {
    id,
    name,
    prefix,
    scopes,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
