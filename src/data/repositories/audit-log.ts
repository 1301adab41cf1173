import type { IdPage } from '../../base/page-by-id.ts';
import { type Db, rows } from '../database.ts';
import type { AuditRecord } from '../entities/audit.ts';
import { long } from '../long-statements.ts';

/** Writes an entry; only ever in the transaction of what it tells of. */
export async function insertAuditEntry(db: Db, entry: Omit<AuditRecord, 'createdAt'>): Promise<void> {
  await rows(
    db,
    `INSERT INTO audit_log (id, actor_id, action, target_type, target_id, details, request_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      entry.id,
      entry.actorId,
      entry.action,
      entry.targetType,
      entry.targetId,
      JSON.stringify(entry.details),
      entry.requestId,
    ],
  );
}

/** Takes out what people wrote of an account that is deleted: its name, and the reasons of what was done to it. */
export async function forgetWordsOf(db: Db, userId: string): Promise<void> {
  await rows(
    db,
    long(`UPDATE audit_log SET details = details #- '{before,name}' #- '{after,name}' #- '{reason}'
      WHERE (target_type = 'user' AND target_id = $1)
         OR (action = 'generation.refund' AND details ->> 'userId' = $1)`),
    [userId],
  );
}

/** Which part of the log is read. */
export interface AuditPage extends IdPage {
  /** Null: the command line; undefined: anybody. */
  actorId?: string | null | undefined;
  action?: AuditRecord['action'] | undefined;
  targetType?: AuditRecord['targetType'] | undefined;
  targetId?: string | undefined;
}

/** What was done, newest first. */
export async function listAuditEntries(db: Db, page: AuditPage): Promise<AuditRecord[]> {
  const { limit, before, actorId, action, targetType, targetId } = page;
  const params: unknown[] = [limit];
  const conditions: string[] = [];
  const equal = (column: string, value: unknown) => {
    if (value !== undefined) conditions.push(`${column} = $${params.push(value)}`);
  };
  if (before !== undefined) conditions.push(`id < $${params.push(before)}`);
  if (actorId === null) conditions.push('actor_id IS NULL');
  else equal('actor_id', actorId);
  equal('action', action);
  equal('target_type', targetType);
  equal('target_id', targetId);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return rows<AuditRecord>(
    db,
    `SELECT id, actor_id AS "actorId", action, target_type AS "targetType", target_id AS "targetId", details,
            request_id AS "requestId", created_at AS "createdAt"
       FROM audit_log ${where} ORDER BY id DESC LIMIT $1`,
    params,
  );
}
