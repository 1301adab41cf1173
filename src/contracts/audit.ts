import { z } from 'zod';
import { timeSchema } from './fields.ts';

/** What is written down of those who run the server. */
export const AUDIT_ACTIONS = [
  'balance.adjust',
  'generation.refund',
  'model.override',
  'models.sync',
  'role.create',
  'role.update',
  'role.delete',
  'user.update',
  'user.delete',
] as const;
/** One of them. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What an action changed. */
export const AUDIT_TARGETS = ['user', 'role', 'model', 'provider', 'generation'] as const;
/** One of them. */
export type AuditTarget = (typeof AUDIT_TARGETS)[number];

/** Something that was done by who runs the server. */
export const auditEntrySchema = z
  .object({
    id: z.uuid(),
    actorId: z.uuid().nullable().describe('Who did it; null: the command line of the server'),
    action: z.enum(AUDIT_ACTIONS),
    targetType: z.enum(AUDIT_TARGETS),
    targetId: z.string().nullable(),
    details: z
      .record(z.string(), z.unknown())
      .describe('What changed, as `before` and `after`, and why; never a secret'),
    requestId: z.string().nullable().describe('As in the log and in the answer'),
    createdAt: timeSchema,
  })
  .meta({ id: 'AuditEntry' });
/** See {@link auditEntrySchema}. */
export type AuditEntry = z.infer<typeof auditEntrySchema>;
