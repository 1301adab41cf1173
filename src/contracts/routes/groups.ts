import { z } from 'zod';
import { idSchema, lineSchema, pageOf, pageQuery, timeSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { sessionSchema } from '../session.ts';

/** A folder of sessions. */
export const groupSchema = z
  .object({ id: idSchema, name: z.string(), createdAt: timeSchema, updatedAt: timeSchema })
  .meta({ id: 'Group' });

/** A folder of sessions, see {@link groupSchema}. */
export type Group = z.infer<typeof groupSchema>;

const params = z.strictObject({ id: idSchema });
const common = { tag: 'Groups', access: 'user', permission: 'chat.use', scope: 'chat' } as const;

export const listGroups = defineRoute({
  ...common,
  method: 'get',
  path: '/groups',
  summary: 'Your groups, newest first',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(groupSchema) },
});

export const createGroup = defineRoute({
  ...common,
  method: 'post',
  path: '/groups',
  summary: 'Opens a group',
  body: z.strictObject({ name: lineSchema(100) }),
  answer: { status: 201, schema: groupSchema },
});

export const updateGroup = defineRoute({
  ...common,
  method: 'patch',
  path: '/groups/:id',
  summary: 'Renames a group',
  params,
  body: z.strictObject({ name: lineSchema(100).optional() }),
  answer: { status: 200, schema: groupSchema },
  errors: ['not_found'],
});

export const deleteGroup = defineRoute({
  ...common,
  method: 'delete',
  path: '/groups/:id',
  summary: 'Deletes a group; its sessions stay, ungrouped',
  params,
  answer: { status: 204 },
  errors: ['not_found'],
});

export const listGroupSessions = defineRoute({
  ...common,
  method: 'get',
  path: '/groups/:id/sessions',
  summary: 'The sessions of a group, last used first',
  params,
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(sessionSchema) },
  errors: ['not_found'],
});
