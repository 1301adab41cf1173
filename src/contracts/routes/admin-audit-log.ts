import { z } from 'zod';
import { AUDIT_ACTIONS, AUDIT_TARGETS, auditEntrySchema } from '../audit.ts';
import { idSchema, pageOf, pageQuery, textSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';

export const listAuditLog = defineRoute({
  tag: 'Admin',
  access: 'user',
  scope: 'admin',
  permission: 'system.view',
  method: 'get',
  path: '/admin/audit-log',
  summary: 'What those who run the server have changed, newest first',
  query: z.strictObject({
    ...pageQuery,
    actorId: z
      .union([z.literal('cli'), idSchema], { error: 'must be a UUID, or `cli`' })
      .optional()
      .describe('Who did it; `cli`: the command line of the server'),
    action: z.enum(AUDIT_ACTIONS).optional(),
    targetType: z.enum(AUDIT_TARGETS).optional(),
    targetId: textSchema({ min: 1, max: 200 }).optional().describe('Best with `targetType`'),
  }),
  answer: { status: 200, schema: pageOf(auditEntrySchema) },
});
/** Which entries are listed. */
export type ListAuditLogQuery = z.output<typeof listAuditLog.query>;
