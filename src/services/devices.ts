import { defineCursor } from '../base/cursor.ts';
import { notFound } from '../base/errors.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { idSchema } from '../contracts/fields.ts';
import type { Device } from '../contracts/routes/devices.ts';
import type { Database } from '../data/database.ts';
import { listRefreshFamilies, revokeOwnedFamily } from '../data/repositories/refresh-tokens.ts';
import type { Identity } from './identity.ts';
import type { Revocations } from './revocations.ts';

/** Where a user is signed in. Somebody else's sign-in is `not_found`, like one that has ended. */
export interface Devices {
  /** Newest first. @throws {AppError} `validation_failed` for a bad cursor */
  list(identity: Identity, query: PageQuery): Promise<Page<Device>>;
  /** Revokes a sign-in everywhere, with its sockets and event streams. @throws {AppError} `not_found` */
  revoke(userId: string, id: string): Promise<void>;
}

/** What {@link createDevices} works with. */
export interface DevicesDeps {
  database: Pick<Database, 'db'>;
  revocations: Pick<Revocations, 'announce'>;
}

const cursor = defineCursor(idSchema);

/** Sign-ins, on a database. */
export function createDevices({ database: { db }, revocations }: DevicesDeps): Devices {
  return {
    async list({ userId, familyId }, { limit, cursor: from }) {
      const found = await listRefreshFamilies(db, { userId, limit: limit + 1, before: cursor.decode(from) });
      return pageFrom(found, limit, {
        present: ({ id, userAgent, createdAt, lastUsedAt }) => ({
          id,
          userAgent,
          createdAt: createdAt.toISOString(),
          lastUsedAt: lastUsedAt.toISOString(),
          current: id === familyId,
        }),
        cursorOf: (last) => cursor.encode(last.id),
      });
    },

    async revoke(userId, id) {
      if (!(await revokeOwnedFamily(db, userId, id))) throw notFound('sign-in');
      await revocations.announce([id]);
    },
  };
}
