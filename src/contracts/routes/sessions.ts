import { z } from 'zod';
import { idSchema, lineSchema, pageOf, pageQuery, queryBoolean, textSchema } from '../fields.ts';
import { messageSchema } from '../message.ts';
import { defineRoute } from '../route.ts';
import { modelIdSchema, SESSION_KINDS, sessionSchema, settingsSchema } from '../session.ts';

const params = z.strictObject({ id: idSchema });
const common = { tag: 'Sessions', access: 'user', permission: 'chat.use', scope: 'chat' } as const;
const title = lineSchema(200);
const groupId = idSchema.nullable().describe('Null: in no group');

export const listSessions = defineRoute({
  ...common,
  method: 'get',
  path: '/sessions',
  summary: 'Your sessions, last used first',
  query: z.strictObject({
    ...pageQuery,
    group: z
      .union([idSchema, z.literal('none')])
      .optional()
      .describe('A group id, or `none`'),
    favourite: queryBoolean.optional(),
    kind: z.enum(SESSION_KINDS).exclude(['call']).default('chat').describe('What they are for'),
    search: textSchema({ min: 1, max: 100 }).optional().describe('Part of the title, whatever its case'),
  }),
  answer: { status: 200, schema: pageOf(sessionSchema) },
});

export const createSession = defineRoute({
  ...common,
  method: 'post',
  path: '/sessions',
  summary: 'Opens a session',
  body: z
    .strictObject({
      title: title.optional(),
      groupId: groupId.optional(),
      model: modelIdSchema.optional(),
      settings: settingsSchema.optional(),
    })
    .optional(),
  answer: { status: 201, schema: sessionSchema },
  errors: ['not_found', 'model_not_available'],
});

export const getSession = defineRoute({
  ...common,
  method: 'get',
  path: '/sessions/:id',
  summary: 'A session with its newest messages',
  params,
  answer: {
    status: 200,
    schema: sessionSchema.extend({
      messages: z
        .array(messageSchema)
        .describe(
          'The newest, oldest first: 50, or fewer where they are long; the rest: `GET /messages/:sessionId`',
        ),
    }),
  },
  errors: ['not_found'],
});

export const updateSession = defineRoute({
  ...common,
  method: 'patch',
  path: '/sessions/:id',
  summary: 'Changes what is given; `settings` is replaced as a whole',
  params,
  body: z.strictObject({
    title: title.optional(),
    isFavorite: z.boolean().optional(),
    groupId: groupId.optional(),
    model: modelIdSchema.optional(),
    settings: settingsSchema.optional(),
  }),
  answer: { status: 200, schema: sessionSchema },
  errors: ['not_found', 'model_not_available'],
});

export const setSessionFavorite = defineRoute({
  ...common,
  method: 'patch',
  path: '/sessions/:id/favorite',
  summary: 'Marks or unmarks a session as a favourite',
  params,
  body: z.strictObject({ isFavorite: z.boolean() }),
  answer: { status: 200, schema: sessionSchema },
  errors: ['not_found'],
});

export const setSessionGroup = defineRoute({
  ...common,
  method: 'patch',
  path: '/sessions/:id/group',
  summary: 'Moves a session into a group, or out of any',
  params,
  body: z.strictObject({ groupId }),
  answer: { status: 200, schema: sessionSchema },
  errors: ['not_found'],
});

export const deleteSession = defineRoute({
  ...common,
  method: 'delete',
  path: '/sessions/:id',
  summary: 'Deletes a session with its messages; what runs in it is stopped',
  params,
  answer: { status: 204 },
  errors: ['not_found'],
});

export const exportSessionJson = defineRoute({
  ...common,
  method: 'get',
  path: '/sessions/:id/export.json',
  summary: 'The whole session as a JSON file',
  params,
  answer: {
    status: 200,
    contentType: 'application/json',
    description: '`{ exportedAt, session, messages }`, messages oldest first',
  },
  errors: ['not_found'],
});

export const exportSessionMarkdown = defineRoute({
  ...common,
  method: 'get',
  path: '/sessions/:id/export.md',
  summary: 'The whole session as a Markdown file',
  params,
  answer: { status: 200, contentType: 'text/markdown', description: 'Markdown, messages oldest first' },
  errors: ['not_found'],
});
