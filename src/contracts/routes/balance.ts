import { z } from 'zod';
import { creditsInput } from '../credits.ts';
import { amountSchema, idSchema, lineSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { ledgerEntrySchema } from './ledger.ts';

/** What a user has, in credits. */
export const balanceSchema = z
  .object({
    balance: amountSchema.describe('Sum of the ledger'),
    held: amountSchema.describe('Set aside for what is running'),
    available: amountSchema.describe('`balance` - `held`'),
  })
  .meta({ id: 'Balance' });

/** What a user has, see {@link balanceSchema}. */
export type Balance = z.infer<typeof balanceSchema>;

/** What a user has after an admin moved it. */
export const movedBalanceSchema = balanceSchema
  .extend({
    userId: idSchema,
    entry: ledgerEntrySchema.nullable().describe('What was posted; null where the balance was that already'),
  })
  .meta({ id: 'MovedBalance' });
/** What a user has after an admin moved it, see {@link movedBalanceSchema}. */
export type MovedBalance = z.infer<typeof movedBalanceSchema>;

const common = { tag: 'Credits', access: 'user', scope: 'usage' } as const;
const asAdmin = { ...common, permission: 'balance.manage', scope: 'admin' } as const;
const reason = lineSchema(500).describe('Stands in the statement of the user');

export const getBalance = defineRoute({
  ...common,
  method: 'get',
  path: '/v1/balance',
  summary: 'Your credits',
  answer: { status: 200, schema: balanceSchema },
});

export const setBalance = defineRoute({
  ...asAdmin,
  method: 'put',
  path: '/v1/balance',
  summary: 'Sets the credits of a user, or adds to them. `Idempotency-Key` makes it safe to repeat',
  headers: ['Idempotency-Key'],
  body: z
    .strictObject({
      userId: idSchema,
      balance: creditsInput
        .refine((credits) => !credits.startsWith('-'), 'must be at least 0')
        .optional()
        .describe('What the balance is to be, 0 or more; not together with `amount`'),
      amount: creditsInput
        .refine((credits) => credits !== '0', 'must not be 0')
        .optional()
        .describe('What is added; negative takes away, below zero too'),
      reason,
    })
    .superRefine(({ balance, amount }, context) => {
      if ((balance === undefined) !== (amount === undefined)) return;
      const message =
        balance === undefined ? 'is required without `balance`' : 'must not be given together with `balance`';
      context.addIssue({ code: 'custom', path: ['amount'], message });
    }),
  answer: { status: 200, schema: movedBalanceSchema },
  errors: ['not_found', 'idempotency_key_reused'],
});
/** How a balance is to be moved. */
export type SetBalanceBody = z.output<typeof setBalance.body>;

export const refundGeneration = defineRoute({
  ...asAdmin,
  method: 'post',
  path: '/admin/generations/:id/refund',
  summary: 'Gives back what a generation was charged, once',
  params: z.strictObject({ id: idSchema }),
  headers: ['Idempotency-Key'],
  body: z.strictObject({ reason: reason.optional() }).optional(),
  answer: { status: 201, schema: movedBalanceSchema },
  errors: ['not_found', 'conflict', 'idempotency_key_reused'],
});
