import { z } from 'zod';
import { defineRoute } from '../route.ts';

/** A part that may not answer: what there is of it, or that it failed. */
const part = <S extends z.ZodRawShape>(shape: S) =>
  z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), ...shape }),
    z.object({ ok: z.literal(false), error: z.string().describe('Why there is nothing; the log says more') }),
  ]);

const latencyMs = z.number().describe('What one question took, in milliseconds');
const until = z.iso.datetime();

/** How the whole installation is, as one web process sees it. */
export const systemStateSchema = z
  .object({
    version: z.string(),
    node: z.string(),
    environment: z.object({
      kind: z
        .enum(['embedded', 'single', 'scaled'])
        .describe(
          'embedded: one process with a database of its own; single: one process; scaled: any number',
        ),
      production: z.boolean(),
    }),
    process: z.object({
      uptimeSeconds: z.number(),
      rssBytes: z.int(),
      heapUsedBytes: z.int(),
      heapTotalBytes: z.int(),
      eventLoopDelayMs: z
        .object({ mean: z.number(), p99: z.number(), max: z.number() })
        .describe('How late timers are, since this was last asked'),
    }),
    database: part({
      latencyMs,
      version: z.string(),
      connections: z
        .object({ used: z.int(), idle: z.int(), waiting: z.int(), max: z.int() })
        .describe('The pool of this process'),
    }),
    feed: part({ kind: z.enum(['redis', 'memory']), latencyMs }),
    queues: part({
      queues: z.array(
        z.object({
          queue: z.string(),
          waiting: z.int(),
          active: z.int(),
          delayed: z.int(),
          failed: z.int(),
        }),
      ),
    }),
    workers: part({
      workers: z
        .array(z.object({ queue: z.string(), workers: z.int() }))
        .describe('Processes that take jobs of a queue now'),
    }),
    generations: part({ running: z.int(), queued: z.int() }),
    providers: part({
      providers: z.array(
        z.object({
          provider: z.string(),
          coolsUntil: until.nullable().describe('It failed too often and is left alone; null: it is asked'),
          models: z
            .array(z.object({ model: z.string(), coolsUntil: until }))
            .describe('Models that asked to be left alone'),
        }),
      ),
    }),
    catalogue: part({
      models: z.int(),
      available: z.int().describe('Of these, those that can be asked here'),
      synced: z.array(z.object({ provider: z.string(), syncedAt: z.iso.datetime().nullable() })),
    }),
  })
  .meta({ id: 'SystemState' });
/** See {@link systemStateSchema}. */
export type SystemState = z.infer<typeof systemStateSchema>;

export const getSystem = defineRoute({
  tag: 'Admin',
  access: 'user',
  scope: 'admin',
  permission: 'system.view',
  method: 'get',
  path: '/admin/system',
  summary: 'How the installation is; a part that does not answer within 2 s is shown as failed',
  answer: { status: 200, schema: systemStateSchema },
});

/** The page; its files, and the data that it asks for, are below it. */
export const getQueueBoard = defineRoute({
  tag: 'Admin',
  access: 'ticket',
  scope: 'admin',
  permission: 'system.view',
  method: 'get',
  path: '/admin/queues',
  summary: 'The board of the queues: a page for the browser, which is let in by `?ticket=`',
  answer: {
    status: 200,
    contentType: 'text/html',
    description:
      'The page. With a ticket: a page that goes on to it, and a cookie that lets this browser in for as long as what the ' +
      'ticket was issued for, at most 15 minutes',
  },
});
