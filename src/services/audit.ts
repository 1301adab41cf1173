import { isDeepStrictEqual } from 'node:util';
import { newId } from '../base/ids.ts';
import type { Db } from '../data/database.ts';
import type { AuditRecord } from '../data/entities/audit.ts';
import { insertAuditEntry } from '../data/repositories/audit-log.ts';

/** Who changes something as one of those who run the server. */
export interface Actor {
  /** Null: the command line of the server. */
  userId: string | null;
  /** Stands in the log and in the answer; left out where there is none. */
  requestId?: string;
}

/** An admin who asks over HTTP. */
export type AdminActor = Actor & { userId: string };

/** What was done. */
export type AuditNote = Pick<AuditRecord, 'action' | 'targetType' | 'targetId' | 'details'>;

/** Writes down what is done; only ever in the transaction that does it, so that one is not without the other. */
export function audit(db: Db, { userId, requestId }: Actor, note: AuditNote): Promise<void> {
  return insertAuditEntry(db, { id: newId(), actorId: userId, requestId: requestId ?? null, ...note });
}

/** What differs, field by field; undefined when nothing does. */
export function differences<T extends object>(
  before: T,
  after: T,
): { before: Partial<T>; after: Partial<T> } | undefined {
  const fields = Object.keys({ ...before, ...after }) as (keyof T)[];
  const changed = fields.filter((field) => !isDeepStrictEqual(before[field], after[field]));
  if (changed.length === 0) return undefined;
  const pick = (from: T) =>
    Object.fromEntries(changed.map((field) => [field, from[field] ?? null])) as Partial<T>;
  return { before: pick(before), after: pick(after) };
}
