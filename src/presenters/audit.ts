import type { AuditEntry } from '../contracts/audit.ts';
import type { AuditRecord } from '../data/entities/audit.ts';

/** What was done, in the shape of the contract. */
export function presentAuditEntry({ createdAt, ...entry }: AuditRecord): AuditEntry {
  return { ...entry, createdAt: createdAt.toISOString() };
}
