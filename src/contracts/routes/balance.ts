import { z } from 'zod';
import { amountSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';

/** What a user has, in credits. */
export const balanceSchema = z
  .object({
    balance: amountSchema.describe('Sum of the ledger'),
    held: amountSchema.describe('Set aside for what is running'),
    available: amountSchema.describe('`balance` - `held`'),
  })
  .meta({ id: 'Balance' });

export const getBalance = defineRoute({
  method: 'get',
  path: '/v1/balance',
  summary: 'Your credits',
  tag: 'Credits',
  access: 'user',
  answer: { status: 200, schema: balanceSchema },
});
