import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../src/base/errors.ts';
import { idSchema, pageQuery, queryBoolean, textSchema } from '../../src/contracts/fields.ts';
import { defineRoute } from '../../src/contracts/route.ts';
import { settingsSchema } from '../../src/contracts/session.ts';
import { mountRoute } from '../../src/http/mount-route.ts';
import type { RouteModule } from '../../src/http/route-table.ts';

const common = { tag: 'Test', access: 'public' } as const;

/** Takes a bit of everything, and answers with what it was given. */
export const echoRoute = defineRoute({
  ...common,
  method: 'patch',
  path: '/test/:id/:name',
  summary: 'Echo',
  params: z.strictObject({ id: idSchema, name: textSchema({ max: 20 }) }),
  query: z.strictObject({ ...pageQuery, flag: queryBoolean.optional() }),
  body: z.strictObject({
    settings: settingsSchema,
    tags: z
      .array(z.enum(['a', 'b']))
      .max(2)
      .optional(),
    where: z.union([z.int(), z.literal('none')]).optional(),
    anything: z.unknown().optional(),
  }),
  answer: { status: 200, schema: z.unknown() },
});

const fail = defineRoute({
  ...common,
  method: 'get',
  path: '/test/fail/:how',
  summary: 'Fails',
  params: z.strictObject({ how: z.enum(['bug', 'later', 'no-json', 'null', 'half', 'half-stream']) }),
  answer: { status: 200, schema: z.unknown() },
});

const optional = defineRoute({
  ...common,
  method: 'post',
  path: '/test/optional',
  summary: 'A body that may be left out',
  body: z.strictObject({ a: z.int() }).optional(),
  answer: { status: 201, schema: z.object({ got: z.unknown() }) },
});

const file = defineRoute({
  ...common,
  method: 'get',
  path: '/test/file',
  summary: 'A file',
  answer: { status: 200, contentType: 'text/markdown' },
});

const stream = defineRoute({
  ...common,
  method: 'get',
  path: '/test/stream',
  summary: 'An event stream',
  answer: { status: 200, contentType: 'text/event-stream' },
});

/** Routes that do what routes may do, and what they should not. */
export const testRoutes: RouteModule = (table) => {
  mountRoute(table, echoRoute, async (input) => input);

  mountRoute(table, fail, async ({ params }, { ctx }) => {
    switch (params.how) {
      case 'bug':
        throw Object.assign(new Error('inner secret'), { parameters: ['a secret parameter'] });
      case 'later':
        throw new AppError('rate_limited', 'Slow down.', { retryAfterSeconds: 1.2 });
      case 'no-json':
        return { big: 1n };
      case 'null':
        throw null;
      default:
        if (params.how === 'half-stream') ctx.respond = false;
        ctx.res.writeHead(200, { 'content-type': 'text/plain' });
        ctx.res.write('half');
        await setImmediate();
        throw new Error('broke off');
    }
  });

  mountRoute(table, optional, async ({ body }) => ({ got: body ?? null }));

  mountRoute(table, file, async (_input, { ctx }) => {
    ctx.attachment('notes.txt');
    ctx.body = '# Notes';
  });

  mountRoute(table, stream, async (_input, { ctx }) => {
    ctx.respond = false;
    ctx.res.writeHead(200, { 'content-type': 'text/event-stream' });
    ctx.res.write('data: 1\n\n');
    // After the handler has returned: nobody else may have ended the answer meanwhile.
    void setImmediate().then(() => ctx.res.end('data: 2\n\n'));
  });
};
