import { notFound } from '../base/errors.ts';
import type { Page, PageQuery } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
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

/** Sign-ins, on a database. */
export function createDevices({ database: { db }, revocations }: DevicesDeps): Devices {
  return {
    list: ({ userId, familyId }, query) =>
      pageById(
        query,
        (page) => listRefreshFamilies(db, { userId, ...page }),
        ({ id, userAgent, createdAt, lastUsedAt }) => ({
          id,
          userAgent,
          createdAt: createdAt.toISOString(),
          lastUsedAt: lastUsedAt.toISOString(),
          current: id === familyId,
        }),
      ),

    async revoke(userId, id) {
      if (!(await revokeOwnedFamily(db, userId, id))) throw notFound('sign-in');
      await revocations.announce([id]);
    },
  };
}
