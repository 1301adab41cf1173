import { z } from 'zod';
import { timeSchema } from '../fields.ts';
import { costSchema } from '../message.ts';
import { defineRoute } from '../route.ts';
import { dayUsageSchema, limitSchema, modelUsageSchema, usageTotalsSchema } from '../stats.ts';

/** How many models the statistics of a user name. */
export const TOP_MODELS = 10;
/** How many days they show. */
export const SHOWN_DAYS = 30;

const models = z
  .array(modelUsageSchema)
  .describe(`The ${TOP_MODELS} models that took the most tokens, the largest first`);

/** What a user has used. */
export const userStatsSchema = z
  .object({
    messagesGenerated: z.int().describe('Replies that were completed'),
    tokensUsed: z.int().describe('Input and output tokens of all time'),
    totalCost: costSchema.describe('Of all time'),
    lastActive: timeSchema
      .nullable()
      .describe('The last time in a session that is still there, one-shot calls aside; null: there is none'),
    total: usageTotalsSchema.describe('Of all time'),
    month: usageTotalsSchema.describe('Of this calendar month (UTC)'),
    today: usageTotalsSchema.describe('Of today (UTC)'),
    limits: z
      .object({
        dailyRequests: limitSchema,
        monthlyRequests: limitSchema,
        monthlyTokens: limitSchema,
      })
      .describe('Replies count when they are asked for, tokens with those that are set aside for what runs'),
    models,
    days: z
      .array(dayUsageSchema)
      .length(SHOWN_DAYS)
      .describe('The last days, oldest first; days without use are among them'),
  })
  .meta({ id: 'UserStats' });
/** See {@link userStatsSchema}. */
export type UserStats = z.infer<typeof userStatsSchema>;

export const getUserStats = defineRoute({
  method: 'get',
  path: '/user/stats',
  summary: 'What you have used, and what you may still use',
  tag: 'Statistics',
  access: 'user',
  scope: 'usage',
  answer: { status: 200, schema: userStatsSchema },
  errors: ['not_found'],
});

/** What a user's conversations are, and took. */
export const chatStatsSchema = usageTotalsSchema
  .extend({
    sessions: z.int().describe('Chats that there are; deleted ones no more'),
    messages: z.int().describe('Messages in them'),
    lastActivityAt: timeSchema.nullable().describe('The last time in one of them; null: there is none'),
    models,
  })
  .meta({
    id: 'ChatStats',
    description: 'What was used is that of all time and of all doors, deleted sessions included.',
  });
/** See {@link chatStatsSchema}. */
export type ChatStats = z.infer<typeof chatStatsSchema>;

export const getChatStats = defineRoute({
  method: 'get',
  path: '/chat/stats',
  summary: 'Your conversations in numbers',
  tag: 'Statistics',
  access: 'user',
  scope: 'usage',
  answer: { status: 200, schema: chatStatsSchema },
});
