import { z } from 'zod';
import { amountSchema, timeSchema } from './fields.ts';
import { costSchema } from './message.ts';

/** A day of UTC: `2026-11-20`. */
export const daySchema = z.iso
  .date({ error: 'must be a day as in 2026-11-20', abort: true })
  .describe('A day of UTC, as in `2026-11-20`');

/** What replies that have ended took. Titles are not among them: they are the house's. */
export const usageTotalsSchema = z
  .object({
    requests: z.int().describe('Replies that have ended: the three below together'),
    completed: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    tokens: z.object({
      input: z.int(),
      output: z.int(),
      total: z.int(),
    }),
    cost: costSchema,
    credits: amountSchema.describe('Credits charged'),
  })
  .meta({ id: 'UsageTotals' });
/** See {@link usageTotalsSchema}. */
export type UsageTotals = z.infer<typeof usageTotalsSchema>;

/** The same for one model. */
export const modelUsageSchema = usageTotalsSchema
  .extend({ model: z.string().describe('The model that was asked') })
  .meta({ id: 'ModelUsage' });
/** See {@link modelUsageSchema}. */
export type ModelUsage = z.infer<typeof modelUsageSchema>;

/** The same for one day. */
export const dayUsageSchema = usageTotalsSchema.extend({ day: daySchema }).meta({ id: 'DayUsage' });

/** Something of which there is only so much in a period. */
export const limitSchema = z
  .object({
    used: amountSchema,
    limit: amountSchema.nullable().describe('Null: no limit'),
    resetAt: timeSchema.describe('When it begins anew'),
  })
  .meta({ id: 'Limit' });
/** See {@link limitSchema}. */
export type Limit = z.infer<typeof limitSchema>;
