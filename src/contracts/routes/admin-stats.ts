import { z } from 'zod';
import { queryNumber } from '../fields.ts';
import { costSchema } from '../message.ts';
import { defineRoute } from '../route.ts';
import { daySchema, usageTotalsSchema } from '../stats.ts';

/** By what the statistics are taken apart. */
export const STATS_GROUPINGS = ['day', 'model', 'provider', 'user'] as const;

/** Longest period of the statistics, in days, both ends counted. */
export const MAX_STATS_DAYS = 366;
/** Their period where none is named. */
export const DEFAULT_STATS_DAYS = 30;

/** A day that PostgreSQL and JavaScript both know. */
const day = daySchema.refine((value) => value >= '1970-01-01', 'must not be before 1970-01-01');

/** What everybody used in a period, for who runs the server. */
export const adminStatsSchema = z
  .object({
    from: daySchema,
    to: daySchema.describe('The last day, itself included'),
    groupBy: z.enum(STATS_GROUPINGS),
    totals: usageTotalsSchema.describe('Of the period, all users'),
    houseCost: z
      .object({ requests: z.int(), tokens: z.int(), cost: costSchema })
      .describe(
        'What titles took in the period: nobody is charged for them, and no totals or groups hold them',
      ),
    groups: z
      .array(
        usageTotalsSchema.extend({
          key: z.string().describe('The day, model, provider or id of the user'),
          email: z.string().nullable().optional().describe('Of a user; null for one that was deleted'),
        }),
      )
      .describe('By day: all days of the period in order, those without use too. Else the largest first'),
    counts: z.object({
      users: z.int().describe('Exact up to 100,000, an estimate of PostgreSQL above'),
      activeUsers: z.int().describe('Users with a reply that ended in the period'),
      sessions: z.int().describe('Exact up to 100,000, an estimate of PostgreSQL above'),
      runningGenerations: z.int().describe('Waiting or being written now; titles too'),
    }),
  })
  .meta({ id: 'AdminStats' });
/** See {@link adminStatsSchema}. */
export type AdminStats = z.infer<typeof adminStatsSchema>;

export const getAdminStats = defineRoute({
  tag: 'Admin',
  access: 'user',
  scope: 'admin',
  permission: 'system.view',
  method: 'get',
  path: '/admin/stats',
  summary: 'What everybody used in a period, by day, model, provider or user',
  query: z.strictObject({
    from: day.optional().describe(`First day (UTC); ${DEFAULT_STATS_DAYS} days to \`to\` where left out`),
    to: day
      .optional()
      .describe(`Last day (UTC), today where left out; at most ${MAX_STATS_DAYS} days from \`from\``),
    groupBy: z.enum(STATS_GROUPINGS).default('day'),
    sort: z.enum(['cost', 'tokens']).default('cost').describe('Which groups are the largest; not by day'),
    limit: queryNumber(z.int().min(1).max(100).default(20)).describe('Most groups; not by day'),
  }),
  answer: { status: 200, schema: adminStatsSchema },
});
/** Which statistics are asked for. */
export type AdminStatsQuery = z.output<typeof getAdminStats.query>;
