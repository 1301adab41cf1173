import { now } from '../base/clock.ts';
import { AppError, invalidField, notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Page, PageQuery } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
import { hashSecret } from '../base/secrets.ts';
import {
  type ApiKey,
  type CreateApiKeyBody,
  MAX_KEY_DAYS,
  type NewApiKey,
} from '../contracts/routes/api-keys.ts';
import type { Database } from '../data/database.ts';
import {
  countLiveApiKeys,
  insertApiKey,
  listApiKeyRows,
  lockApiKeysOf,
  revokeApiKeyRow,
} from '../data/repositories/api-keys.ts';
import { presentApiKey } from '../presenters/api-key.ts';
import { apiKeyPrefix, newApiKeySecret } from './api-key-secrets.ts';
import type { Identity } from './identity.ts';
import { signInRevoked } from './identity-refusals.ts';
import type { Revocations } from './revocations.ts';

/** What an owner does with API keys. Somebody else's key is `not_found`, like one that is not there. */
export interface ApiKeys {
  /**
   * The only time that the key itself is told.
   *
   * @throws {AppError} `validation_failed`, `conflict` with too many; `token_revoked` when the sign-in has just ended
   */
  create(owner: Pick<Identity, 'userId' | 'familyId'>, wish: CreateApiKeyBody): Promise<NewApiKey>;
  /** Newest first, without those that were revoked. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<ApiKey>>;
  /** Everywhere, with its sockets and event streams. @throws {AppError} `not_found` */
  revoke(userId: string, id: string): Promise<void>;
}

/** What {@link createApiKeys} works with. */
export interface ApiKeysDeps {
  database: Database;
  revocations: Pick<Revocations, 'announce'>;
}

/** Most keys of a user that may be good at a time. */
const MAX_LIVE = 50;
const DAY_MS = 86_400_000;

/** API keys, on a database. */
export function createApiKeys({ database, revocations }: ApiKeysDeps): ApiKeys {
  return {
    async create(owner, { name, scopes, ...life }) {
      const { userId } = owner;
      const key = newApiKeySecret();
      const expiresAt = endOf(life);
      const made = await database.transaction(async (db) => {
        if (!(await lockApiKeysOf(db, owner))) {
          throw signInRevoked();
        }
        if ((await countLiveApiKeys(db, userId)) >= MAX_LIVE) return undefined;
        const secret = { prefix: apiKeyPrefix(key), keyHash: hashSecret(key) };
        return insertApiKey(db, { id: newId(), userId, name, scopes, expiresAt, ...secret });
      });
      if (made) return { ...presentApiKey(made), key };
      throw new AppError('conflict', `You have ${MAX_LIVE} API keys; revoke one first.`);
    },

    list: (userId, query) =>
      pageById(query, (page) => listApiKeyRows(database.db, { userId, ...page }), presentApiKey),

    async revoke(userId, id) {
      if (!(await revokeApiKeyRow(database.db, userId, id))) throw notFound('API key');
      await revocations.announce([id]);
    },
  };
}

function endOf({ expiresAt, expiresInDays }: Pick<CreateApiKeyBody, 'expiresAt' | 'expiresInDays'>) {
  if (expiresInDays !== undefined) return new Date(now() + expiresInDays * DAY_MS);
  if (expiresAt === undefined) return null;
  const end = new Date(expiresAt);
  if (end.getTime() <= now()) throw invalidField('body.expiresAt', 'must be in the future');
  if (end.getTime() > now() + MAX_KEY_DAYS * DAY_MS) {
    throw invalidField('body.expiresAt', `must be within ${MAX_KEY_DAYS} days`);
  }
  return end;
}
