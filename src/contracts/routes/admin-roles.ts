import { z } from 'zod';
import { pageOf, pageQuery } from '../fields.ts';
import { permissionsSchema, roleNameSchema, roleSchema, usageLimitsSchema } from '../role.ts';
import { defineRoute } from '../route.ts';

const common = { tag: 'Admin', access: 'user', scope: 'admin', permission: 'roles.manage' } as const;
const params = z.strictObject({ name: roleNameSchema });

export const listRoles = defineRoute({
  ...common,
  method: 'get',
  path: '/admin/roles',
  summary: 'All roles, by name',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(roleSchema) },
});

export const getRole = defineRoute({
  ...common,
  method: 'get',
  path: '/admin/roles/:name',
  summary: 'One role',
  params,
  answer: { status: 200, schema: roleSchema },
  errors: ['not_found'],
});

export const createRole = defineRoute({
  ...common,
  method: 'post',
  path: '/admin/roles',
  summary: 'A new role, with nothing that you do not have yourself',
  body: z.strictObject({
    name: roleNameSchema,
    permissions: permissionsSchema,
    allPermissions: z.boolean().default(false),
    usageLimits: usageLimitsSchema.default({}),
  }),
  answer: { status: 201, schema: roleSchema },
  errors: ['conflict'],
});
/** What a new role is made of. */
export type CreateRoleBody = z.output<typeof createRole.body>;

export const updateRole = defineRoute({
  ...common,
  method: 'patch',
  path: '/admin/roles/:name',
  summary: 'Changes a role; holds for its users at their next request',
  params,
  body: z.strictObject({
    permissions: permissionsSchema.optional().describe('All that it then has'),
    allPermissions: z.boolean().optional(),
    usageLimits: usageLimitsSchema.optional().describe('All that it then has'),
  }),
  answer: { status: 200, schema: roleSchema },
  errors: ['not_found', 'conflict'],
});
/** How a role is to be changed. */
export type UpdateRoleBody = z.output<typeof updateRole.body>;

export const deleteRole = defineRoute({
  ...common,
  method: 'delete',
  path: '/admin/roles/:name',
  summary: 'Deletes a role that nobody has, and that did not come with the product',
  params,
  answer: { status: 204 },
  errors: ['not_found', 'conflict'],
});
