import { BoundedMap } from '../base/bounded-map.ts';
import { now } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { hashSecret } from '../base/secrets.ts';
import type { Database } from '../data/database.ts';
import { type FoundApiKey, findApiKeyByHash, markApiKeyUsed } from '../data/repositories/api-keys.ts';
import { looksLikeApiKey } from './api-key-secrets.ts';
import type { Identity } from './identity.ts';
import type { Revocations } from './revocations.ts';

/**
 * Which API keys are good. Asked with every request of a program, so a good key is held in memory for a few seconds, by its
 * hash; revoking it holds at once all the same, as `Revocations` is asked each time.
 */
export interface ApiKeyDirectory {
  /**
   * Who a key speaks for.
   *
   * @throws {AppError} `unauthenticated`, `token_expired`, `token_revoked`; every key that is no good costs one look into
   *   the database, whatever is wrong with it
   */
  identify(key: string): Identity | Promise<Identity>;
  /** Resolves once the last use has been written down. May be called twice. */
  stop(): Promise<void>;
}

/** What {@link createApiKeyDirectory} works with. */
export interface ApiKeyDirectoryDeps {
  database: Pick<Database, 'db'>;
  revocations: Pick<Revocations, 'isRevoked'>;
  log: Logger;
}

/** How long a key is not looked up again, in milliseconds: as long as a lost broadcast of its revocation is unnoticed. */
const TTL_MS = 5_000;
/** Most keys that are held. */
const MAX_KEPT = 10_000;
/** How exactly the last use of a key is written down, in seconds. */
const USE_SECONDS = 60;
/** When a key expires that does not: a date that every client can read. */
const NEVER = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** A good key. */
interface KnownKey {
  identity: Identity;
  /** When it is looked up again; like all of these in milliseconds since 1970. */
  until: number;
  /** When its next use is to be written down. */
  noteFrom: number;
}

/** Makes the directory of this process. */
export function createApiKeyDirectory({ database, revocations, log }: ApiKeyDirectoryDeps): ApiKeyDirectory {
  /** By hash. */
  const known = new BoundedMap<string, KnownKey>(MAX_KEPT);
  /** What is being looked up: who brings the same key meanwhile gets the same answer. */
  const reading = new Map<string, Promise<KnownKey>>();
  const writing = new Set<Promise<void>>();

  async function lookUp(hash: Buffer): Promise<KnownKey> {
    const found = await findApiKeyByHash(database.db, hash);
    if (!found) throw notValid();
    if (found.isRevoked) throw isRevoked();
    return toKnown(found);
  }

  /** Why a key is refused that was good when it was looked up. */
  function refusalOf({ identity }: KnownKey): AppError | undefined {
    if (revocations.isRevoked(identity.familyId)) return isRevoked();
    if (identity.expiresAt <= now()) return new AppError('token_expired', 'The API key has expired.');
    return undefined;
  }

  function read(hash: Buffer, name: string): Promise<KnownKey> {
    const looking = lookUp(hash).then((key) => {
      known.set(name, key);
      return key;
    });
    reading.set(name, looking);
    const done = () => reading.delete(name);
    looking.then(done, done);
    return looking;
  }

  function use(key: KnownKey): Identity {
    const refusal = refusalOf(key);
    if (refusal) throw refusal;
    noteUse(key);
    return key.identity;
  }

  /** Beside the request, which does not wait for it and does not fail with it. */
  function noteUse(key: KnownKey): void {
    if (key.noteFrom > now()) return;
    key.noteFrom = now() + USE_SECONDS * 1000;
    const { familyId: keyId } = key.identity;
    const write = markApiKeyUsed(database.db, keyId, USE_SECONDS)
      .catch((error: unknown) => log.warn({ err: error, keyId }, 'failed to note the use of an API key'))
      .finally(() => writing.delete(write));
    writing.add(write);
  }

  return {
    identify(key) {
      if (!looksLikeApiKey(key)) throw notValid();
      const hash = hashSecret(key);
      const name = hash.toString('base64');
      const entry = known.get(name);
      // One that is no good any more is looked up like one that is not known, so that it takes as long.
      if (entry && entry.until > now() && !refusalOf(entry)) return use(entry);
      return (reading.get(name) ?? read(hash, name)).then(use);
    },
    async stop() {
      await Promise.all(writing);
    },
  };
}

function toKnown({ id, userId, role, scopes, expiresAt, usedSecondsAgo }: FoundApiKey): KnownKey {
  const identity: Identity = {
    userId,
    role,
    familyId: id,
    tokenId: id,
    scopes,
    expiresAt: expiresAt?.getTime() ?? NEVER,
  };
  const noteInMs = usedSecondsAgo === null ? 0 : (USE_SECONDS - usedSecondsAgo) * 1000;
  return { identity, until: now() + TTL_MS, noteFrom: now() + noteInMs };
}

const notValid = () => new AppError('unauthenticated', 'The API key is not valid.');
const isRevoked = () => new AppError('token_revoked', 'This API key has been revoked.');
