import type { AuditAction, AuditTarget } from '../../contracts/audit.ts';

/** Something that was done by who runs the server. Rows are only ever added. */
export interface AuditRecord {
  id: string;
  /** Null: the command line of the server. */
  actorId: string | null;
  action: AuditAction;
  targetType: AuditTarget;
  targetId: string | null;
  /** What changed, and why; never a secret. */
  details: Record<string, unknown>;
  requestId: string | null;
  createdAt: Date;
}
