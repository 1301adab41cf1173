import { z } from 'zod';
import { decimalsOf } from '../credits.ts';
import { amountSchema, lineSchema } from '../fields.ts';
import {
  MODEL_CAPABILITIES,
  MODEL_CATEGORIES,
  MODEL_PARAMETERS,
  MODEL_TIERS,
  modelSchema,
} from '../model.ts';
import { defineRoute } from '../route.ts';
import { modelParams } from './models.ts';

/** The largest amount of a price. */
const MAX_AMOUNT = 1_000_000_000;

/** A price: exact with so many decimals, or refused. */
const price = (decimals: number) =>
  amountSchema
    .min(0)
    .max(MAX_AMOUNT)
    .refine((value) => decimalsOf(value) <= decimals, `must have at most ${decimals} decimals`);

const tokens = z.int().min(1).max(2_147_483_647);
const setOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z
    .array(z.enum(values))
    .max(values.length)
    .refine((given) => new Set(given).size === given.length, 'must not hold anything twice');

/** What an admin may say of a model; null takes back what was said. */
export const modelOverrideSchema = z
  .strictObject({
    title: lineSchema(200).nullable(),
    category: z.enum(MODEL_CATEGORIES).nullable(),
    tier: z.enum(MODEL_TIERS).nullable(),
    contextLength: tokens.nullable().describe('Most tokens of prompt and reply together'),
    maxOutputTokens: tokens.nullable().describe('Most tokens of a reply'),
    capabilities: setOf(MODEL_CAPABILITIES).nullable(),
    parameters: setOf(MODEL_PARAMETERS).nullable().describe('The settings that it takes'),
    price: z
      .strictObject({
        usdPerMillionInput: price(10).nullable(),
        usdPerMillionCachedInput: price(10).nullable(),
        usdPerMillionOutput: price(10).nullable(),
        creditsPer100Tokens: price(6).nullable(),
      })
      .partial()
      .describe('What is left out stays'),
    enabled: z.boolean().nullable().describe('False: nobody can ask it'),
  })
  .partial();
/** What an admin says of a model, see {@link modelOverrideSchema}. */
export type ModelOverrideBody = z.output<typeof modelOverrideSchema>;

export const updateModel = defineRoute({
  tag: 'Admin',
  access: 'user',
  scope: 'admin',
  permission: 'models.manage',
  method: 'patch',
  path: '/admin/models/*modelId',
  summary: 'Overrides what the catalogue has of a model; what is left out stays, null takes an override back',
  params: modelParams,
  body: modelOverrideSchema,
  answer: { status: 200, schema: modelSchema },
  errors: ['not_found', 'model_not_available'],
});
