import { z } from 'zod';
import { idSchema, pageOf, pageQuery, timeSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';

/** One sign-in: everything that its refresh tokens have led to, until it is ended or not used for their life. */
export const deviceSchema = z
  .object({
    id: idSchema,
    userAgent: z.string().nullable().describe('What the client said that it was; it may say anything'),
    createdAt: timeSchema.describe('When it signed in: ISO 8601, UTC'),
    lastUsedAt: timeSchema.describe('When it last traded its refresh token: ISO 8601, UTC'),
    current: z.boolean().describe('The sign-in that asks'),
  })
  .meta({ id: 'Device' });

/** One sign-in, see {@link deviceSchema}. */
export type Device = z.infer<typeof deviceSchema>;

export const listDevices = defineRoute({
  method: 'get',
  path: '/auth/devices',
  summary: 'Where you are signed in, newest first',
  tag: 'Auth',
  access: 'user',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(deviceSchema) },
  errors: ['forbidden'],
});

export const revokeDevice = defineRoute({
  method: 'delete',
  path: '/auth/devices/:id',
  summary: 'Ends a sign-in everywhere, with its sockets and event streams',
  tag: 'Auth',
  access: 'user',
  params: z.strictObject({ id: idSchema }),
  answer: { status: 204 },
  errors: ['not_found', 'forbidden'],
});
