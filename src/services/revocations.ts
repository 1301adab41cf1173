import { now } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { revokeRefreshFamily } from '../data/repositories/refresh-tokens.ts';
import { listRevoked } from '../data/repositories/revoked.ts';
import type { ControlBus } from '../feed/ports.ts';

/**
 * The sign-ins whose access tokens are refused before they expire, and the API keys that are no good any more. Durable in
 * PostgreSQL, spread by a broadcast, and held in the memory of every process, so that checking a request costs no I/O.
 * A sign-in and a key are known by their ids alone (`Identity.familyId`), here called families both.
 */
export interface Revocations {
  /**
   * Loads what is revoked and follows what will be.
   *
   * @throws when the database does not answer
   */
  start(): Promise<void>;
  isRevoked(familyId: string): boolean;
  /**
   * Revokes a sign-in everywhere. Holds once the database has it; a broadcast that fails only delays the
   * other processes until they next read the table.
   *
   * @throws when the database does not answer
   */
  revoke(familyId: string): Promise<void>;
  /**
   * Tells everybody of what the database has as revoked already: holds here at once, and elsewhere as with `revoke`.
   * Never throws.
   */
  announce(familyIds: readonly string[]): Promise<void>;
  /** Calls `listener` once for each sign-in and key that is revoked from now on, wherever. Returns how to stop. */
  onRevoked(listener: (familyId: string) => void): () => void;
  /** May be called twice. */
  stop(): Promise<void>;
}

/** What {@link createRevocations} works with. */
export interface RevocationsOptions {
  database: Database;
  control: ControlBus;
  log: Logger;
  /** Life of an access token: a sign-in that was revoked longer ago has none left. Keys are looked up again long before. */
  accessTokenMinutes: number;
  /** Time between two reads of the table, for what a lost broadcast missed. Default 5 s. */
  pollMs?: number;
}

const TOPIC = 'family-revoked';
const POLL_MS = 5_000;
/** For clocks that differ, and for tokens that were being issued while their sign-in was revoked. */
const MARGIN_MS = 60_000;

/** Makes the list of revoked sign-ins of this process; empty until it is started. */
export function createRevocations(options: RevocationsOptions): Revocations {
  const { database, control, log, accessTokenMinutes, pollMs = POLL_MS } = options;
  const keepMs = accessTokenMinutes * 60_000 + MARGIN_MS;
  /** When each may be forgotten, milliseconds since 1970. In order, as all are kept equally long. */
  const revoked = new Map<string, number>();
  const listeners = new Set<(familyId: string) => void>();
  let readUpTo = now() - keepMs;
  let timer: NodeJS.Timeout | undefined;
  let reading: Promise<void> | undefined;
  let unsubscribe: (() => void) | undefined;
  let stopped = false;

  function add(familyId: string): void {
    if (revoked.has(familyId)) return;
    revoked.set(familyId, now() + keepMs);
    for (const listener of listeners) {
      try {
        listener(familyId);
      } catch (error) {
        log.error({ err: error, familyId }, 'failed to act on a revocation');
      }
    }
  }

  function forgetOld(): void {
    for (const [familyId, until] of revoked) {
      if (until > now()) return;
      revoked.delete(familyId);
    }
  }

  async function read(): Promise<void> {
    const startedAt = now();
    const ids = await listRevoked(database.db, (startedAt - readUpTo + MARGIN_MS) / 1000);
    readUpTo = startedAt;
    for (const id of ids) add(id);
    forgetOld();
  }

  function readAgainLater(): void {
    timer = setTimeout(() => {
      reading = read()
        .catch((error: unknown) => log.warn({ err: error }, 'failed to read what was revoked'))
        .finally(() => {
          if (!stopped) readAgainLater();
        });
    }, pollMs);
    timer.unref();
  }

  async function announce(familyIds: readonly string[]): Promise<void> {
    for (const familyId of familyIds) add(familyId);
    const told = familyIds.map((familyId) => control.publish(TOPIC, { familyId }));
    await Promise.all(told).catch((error: unknown) => {
      log.warn({ err: error, familyIds }, 'failed to broadcast what was revoked');
    });
  }

  return {
    async start() {
      // Before the first read, so that nothing falls between the two.
      unsubscribe = control.subscribe(TOPIC, (payload) => {
        if (isRevocation(payload)) add(payload.familyId);
      });
      await read();
      if (!stopped) readAgainLater();
    },

    isRevoked: (familyId) => revoked.has(familyId),

    async revoke(familyId) {
      await revokeRefreshFamily(database.db, familyId);
      await announce([familyId]);
    },

    announce,

    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    async stop() {
      stopped = true;
      clearTimeout(timer);
      unsubscribe?.();
      listeners.clear();
      await reading;
    },
  };
}

function isRevocation(payload: unknown): payload is { familyId: string } {
  return typeof payload === 'object' && payload !== null && 'familyId' in payload;
}
