import { z } from 'zod';
import { idSchema, lineSchema, pageOf, pageQuery, queryBoolean, textSchema, timeSchema } from '../fields.ts';
import { roleNameSchema, usageLimitsSchema } from '../role.ts';
import { defineRoute } from '../route.ts';
import { userSchema } from '../user.ts';
import { balanceSchema } from './balance.ts';
import { userStatsSchema } from './stats.ts';

const common = { tag: 'Admin', access: 'user', scope: 'admin' } as const;
const params = z.strictObject({ userId: idSchema });

/** An account, as it is listed for who runs the server. */
export const managedUserSchema = userSchema
  .extend({
    isActive: z.boolean().describe('False: refused everywhere'),
    usageLimits: usageLimitsSchema.describe(
      'What was set for this user; what is left out is that of the role',
    ),
    loginCount: z.int(),
    lastLoginAt: timeSchema.nullable(),
  })
  .meta({ id: 'ManagedUser' });
/** See {@link managedUserSchema}. */
export type ManagedUser = z.infer<typeof managedUserSchema>;

/** An account with what it has and does: never what was said. */
export const managedUserDetailsSchema = managedUserSchema
  .extend({
    limits: userStatsSchema.shape.limits.describe('Of the role and this user together, with what is used'),
    balance: balanceSchema,
    lastActivityAt: timeSchema.nullable().describe('The last time in a session that is still there'),
    counts: z.object({
      sessions: z.int().describe('Of every kind but one-shot calls, which nobody keeps'),
      messages: z.int(),
      runningGenerations: z.int().describe('Replies that wait or are being written'),
      signIns: z.int().describe('Devices that are signed in'),
      apiKeys: z.int().describe('Keys that were not revoked and have not expired'),
    }),
  })
  .meta({ id: 'ManagedUserDetails' });
/** See {@link managedUserDetailsSchema}. */
export type ManagedUserDetails = z.infer<typeof managedUserDetailsSchema>;

/** A moment in a query. */
const moment = z.iso
  .datetime({ offset: true, error: 'must be a time as in 2026-11-20T10:00:00Z', abort: true })
  .refine((text) => Date.parse(text) >= 0, 'must not be before 1970')
  .transform((text) => new Date(text))
  .optional();

export const listUsers = defineRoute({
  ...common,
  permission: 'user.view',
  method: 'get',
  path: '/admin/users',
  summary: 'Accounts, newest first',
  query: z.strictObject({
    ...pageQuery,
    role: roleNameSchema.optional(),
    isActive: queryBoolean.optional(),
    search: textSchema({ min: 1, max: 200 }).optional().describe('Part of the e-mail address or the name'),
    createdAfter: moment.describe('This moment included'),
    createdBefore: moment.describe('This moment not included'),
  }),
  answer: { status: 200, schema: pageOf(managedUserSchema) },
});
/** Which accounts are listed. */
export type ListUsersQuery = z.output<typeof listUsers.query>;

export const getManagedUser = defineRoute({
  ...common,
  permission: 'user.view',
  method: 'get',
  path: '/admin/users/:userId',
  summary: 'An account, with its limits, credits and activity',
  params,
  answer: { status: 200, schema: managedUserDetailsSchema },
  errors: ['not_found'],
});

export const updateUser = defineRoute({
  ...common,
  permission: 'user.manage',
  method: 'patch',
  path: '/admin/users/:userId',
  summary:
    'Changes an account; holds at its next request. Deactivating signs it out everywhere and stops its replies',
  params,
  body: z.strictObject({
    role: roleNameSchema.optional(),
    isActive: z.boolean().optional(),
    name: lineSchema(100).nullable().optional(),
    usageLimits: usageLimitsSchema
      .nullable()
      .optional()
      .describe(
        'All that is set for this user: a number, or null for no limit; what is left out is that of the role. Null: nothing is set',
      ),
  }),
  answer: { status: 200, schema: managedUserSchema },
  errors: ['not_found', 'conflict'],
});
/** How an account is to be changed. */
export type UpdateUserBody = z.output<typeof updateUser.body>;

export const deleteUser = defineRoute({
  ...common,
  permission: 'user.manage',
  method: 'delete',
  path: '/admin/users/:userId',
  summary: 'Deletes an account with all that it has, for good',
  params,
  answer: { status: 204 },
  errors: ['not_found', 'conflict'],
});
