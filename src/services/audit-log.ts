import { defineCursor } from '../base/cursor.ts';
import { type Page, pageFrom } from '../base/page.ts';
import type { AuditEntry } from '../contracts/audit.ts';
import { idSchema } from '../contracts/fields.ts';
import type { ListAuditLogQuery } from '../contracts/routes/admin-audit-log.ts';
import type { Database } from '../data/database.ts';
import { listAuditEntries } from '../data/repositories/audit-log.ts';
import { presentAuditEntry } from '../presenters/audit.ts';

/** Reads what those who run the server have changed. @throws {AppError} `validation_failed` for a bad cursor */
export type ReadAuditLog = (query: ListAuditLogQuery) => Promise<Page<AuditEntry>>;

const cursors = defineCursor(idSchema);

/** Makes the list. */
export function createAuditLog(database: Pick<Database, 'db'>): ReadAuditLog {
  return async ({ limit, cursor, actorId, ...filter }) => {
    const found = await listAuditEntries(database.db, {
      ...filter,
      actorId: actorId === 'cli' ? null : actorId,
      limit: limit + 1,
      before: cursors.decode(cursor),
    });
    return pageFrom(found, limit, { present: presentAuditEntry, cursorOf: ({ id }) => cursors.encode(id) });
  };
}
