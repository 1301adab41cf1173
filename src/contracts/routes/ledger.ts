import { z } from 'zod';
import { amountSchema, idSchema, pageOf, pageQuery, timeSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';

/** What moves a balance. */
export const LEDGER_KINDS = ['grant', 'charge', 'adjustment', 'refund'] as const;
/** What moved a balance, see {@link LEDGER_KINDS}. */
export type LedgerKind = (typeof LEDGER_KINDS)[number];

/** One movement of credits, as its user sees it. */
export const ledgerEntrySchema = z
  .object({
    id: idSchema,
    kind: z.enum(LEDGER_KINDS),
    amount: amountSchema.describe('Credits; negative took away'),
    balanceAfter: amountSchema.describe('The balance with it'),
    generationId: idSchema.nullable().describe('What was charged or refunded'),
    model: z.string().nullable().describe('The model that was asked for it'),
    reason: z.string().nullable(),
    createdAt: timeSchema,
  })
  .meta({ id: 'LedgerEntry' });
/** One movement of credits, see {@link ledgerEntrySchema}. */
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

export const listLedger = defineRoute({
  tag: 'Credits',
  access: 'user',
  scope: 'usage',
  method: 'get',
  path: '/user/ledger',
  summary: 'Your statement: every movement of your credits, newest first',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(ledgerEntrySchema) },
});
