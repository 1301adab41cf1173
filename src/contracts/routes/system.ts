import { z } from 'zod';
import { defineRoute } from '../route.ts';

/** `GET /`: what this is, and where to go. */
export const getIndex = defineRoute({
  method: 'get',
  path: '/',
  summary: 'What this server is',
  tag: 'System',
  access: 'public',
  rateLimit: 'none',
  answer: {
    status: 200,
    schema: z.object({
      name: z.string(),
      version: z.string(),
      links: z.record(z.string(), z.string()).describe('Where things are, by name'),
    }),
  },
});

/** `GET /health`: the process is alive. */
export const getHealth = defineRoute({
  method: 'get',
  path: '/health',
  summary: 'Whether the process is alive',
  tag: 'System',
  access: 'public',
  rateLimit: 'none',
  answer: {
    status: 200,
    schema: z.object({ status: z.literal('ok'), version: z.string(), uptimeSeconds: z.number() }),
  },
});

/** `GET /health/ready`: the process can serve. */
export const getReady = defineRoute({
  method: 'get',
  path: '/health/ready',
  summary: 'Whether the database, the queue, the feed and its rooms answer',
  tag: 'System',
  access: 'public',
  rateLimit: 'none',
  answer: {
    status: 200,
    schema: z.object({ status: z.literal('ready'), checks: z.record(z.string(), z.literal('ok')) }),
  },
  errors: ['not_ready'],
});

/** `GET /metrics`: what Prometheus reads. */
export const getMetrics = defineRoute({
  method: 'get',
  path: '/metrics',
  summary:
    'The metrics of this process, for Prometheus: with METRICS_TOKEN as the bearer, or, where none is set, from this machine',
  tag: 'System',
  access: 'public',
  rateLimit: 'none',
  answer: {
    status: 200,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    description: 'The text format 0.0.4',
  },
  errors: ['unauthenticated', 'forbidden'],
});
