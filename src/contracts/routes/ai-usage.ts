import { z } from 'zod';
import { defineRoute } from '../route.ts';
import { limitSchema } from '../stats.ts';

/** What of the current window is used up. */
export const aiUsageSchema = z
  .object({
    requests: limitSchema.describe('Replies that you asked for'),
    tokens: limitSchema.describe('Your tokens, with those that are set aside for what runs'),
    cost: limitSchema
      .extend({
        scope: z
          .enum(['user', 'organisation'])
          .describe('Whose: of all users together where that is limited'),
      })
      .describe('US dollars'),
    windowHours: z.number().describe('Length of a window'),
  })
  .meta({ id: 'AiUsage' });
/** See {@link aiUsageSchema}. */
export type AiUsage = z.infer<typeof aiUsageSchema>;

export const getAiUsage = defineRoute({
  method: 'get',
  path: '/ai/usage',
  summary: 'What is used up of the current window, and what it may be',
  tag: 'Statistics',
  access: 'user',
  permission: 'ai.usage.view',
  scope: 'usage',
  answer: { status: 200, schema: aiUsageSchema },
  errors: ['not_found'],
});
