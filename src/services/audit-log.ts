import type { Page } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
import type { AuditEntry } from '../contracts/audit.ts';
import type { ListAuditLogQuery } from '../contracts/routes/admin-audit-log.ts';
import type { Database } from '../data/database.ts';
import { listAuditEntries } from '../data/repositories/audit-log.ts';
import { presentAuditEntry } from '../presenters/audit.ts';

/** Reads what those who run the server have changed. @throws {AppError} `validation_failed` for a bad cursor */
export type ReadAuditLog = (query: ListAuditLogQuery) => Promise<Page<AuditEntry>>;

/** Makes the list. */
export function createAuditLog(database: Pick<Database, 'db'>): ReadAuditLog {
  return ({ limit, cursor, actorId, ...filter }) => {
    const by = { actorId: actorId === 'cli' ? null : actorId, ...filter };
    return pageById(
      { limit, cursor },
      (page) => listAuditEntries(database.db, { ...by, ...page }),
      presentAuditEntry,
    );
  };
}
