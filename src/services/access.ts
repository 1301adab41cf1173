import { BoundedMap } from '../base/bounded-map.ts';
import { now } from '../base/clock.ts';
import type { Permission } from '../contracts/permissions.ts';
import type { Database } from '../data/database.ts';
import { findAccess } from '../data/repositories/roles.ts';
import type { ControlBus } from '../feed/ports.ts';

/** What an account is and may do, as it is now. */
export interface Access {
  role: string;
  isActive: boolean;
  may(permission: Permission): boolean;
}

/**
 * What accounts may do, by the roles that they have now: a token is older than that. Asked with every request, so it is
 * held in memory for a few seconds; who changes a user or a role tells every process, so that the change holds at the next
 * request.
 */
export interface AccessDirectory {
  /** Undefined for an account that is not there any more. @throws when the database does not answer */
  of(userId: string): Promise<Access | undefined> | Access | undefined;
  /** Forgets one user, or with undefined all of them, in every process. Resolves once the others have been told. */
  changed(userId?: string): Promise<void>;
  /**
   * Calls `listener` whenever one user, or with undefined anybody, may be allowed something else from now on, wherever that was
   * decided. Returns how to stop.
   */
  onChanged(listener: (userId: string | undefined) => void): () => void;
  /** May be called twice. */
  stop(): void;
}

const TOPIC = 'access-changed';
/** How long a change whose broadcast was lost stays unnoticed, in milliseconds. */
const TTL_MS = 5_000;
/** Most accounts that are held. */
const MAX_KEPT = 10_000;

/** Makes the directory of this process. */
export function createAccessDirectory({
  database,
  control,
}: {
  database: Pick<Database, 'db'>;
  control: ControlBus;
}): AccessDirectory {
  const known = new BoundedMap<string, { access: Access; until: number }>(MAX_KEPT);
  /** What is being read: who asks meanwhile gets the same answer, and in the order of asking. */
  const reading = new Map<string, Promise<Access | undefined>>();
  const listeners = new Set<(userId: string | undefined) => void>();

  function forget(userId: string | null): void {
    for (const memory of [known, reading]) {
      if (userId === null) memory.clear();
      else memory.delete(userId);
    }
    for (const listener of listeners) listener(userId ?? undefined);
  }

  function read(userId: string): Promise<Access | undefined> {
    const access = find(userId).then((found) => {
      // What changed meanwhile is not kept: it may have been read before the change.
      if (found && reading.get(userId) === access)
        known.set(userId, { access: found, until: now() + TTL_MS });
      return found;
    });
    reading.set(userId, access);
    const done = () => reading.get(userId) === access && reading.delete(userId);
    access.then(done, done);
    return access;
  }

  async function find(userId: string): Promise<Access | undefined> {
    const found = await findAccess(database.db, userId);
    if (!found) return undefined;
    const permissions = new Set(found.permissions);
    return {
      role: found.role,
      isActive: found.isActive,
      may: (permission) => found.allPermissions || permissions.has(permission),
    };
  }

  const unsubscribe = control.subscribe(TOPIC, (payload) =>
    forget((payload as { userId: string | null }).userId),
  );
  return {
    of(userId) {
      const entry = known.get(userId);
      if (entry && entry.until > now()) return entry.access;
      return reading.get(userId) ?? read(userId);
    },
    async changed(userId) {
      forget(userId ?? null);
      await control.publish(TOPIC, { userId: userId ?? null });
    },
    onChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      unsubscribe();
      listeners.clear();
    },
  };
}
