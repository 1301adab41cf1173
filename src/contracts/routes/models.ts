import { z } from 'zod';
import { pageOf, pageQuery, queryBoolean, queryNumber, textSchema, timeSchema } from '../fields.ts';
import { MODEL_CAPABILITIES, MODEL_CATEGORIES, MODEL_TIERS, modelSchema } from '../model.ts';
import { defineRoute } from '../route.ts';

/** The orders of a list of models; `-` turns one round. */
export const MODEL_SORTS = ['name', '-name', 'price', '-price', 'context', '-context'] as const;

/** The id of a model in a path; it may hold `/`, encoded or not. */
export const modelParams = z.strictObject({
  modelId: textSchema({ min: 1, max: 200 }).describe('`provider/name`; its slashes may be encoded'),
});

const common = { tag: 'Models', access: 'user', scope: 'models' } as const;
/** A price in a query: a decimal number. */
const price = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,10})?$/, 'must be a number that is not negative, with at most 10 decimals')
  .transform(Number);
const provider = textSchema({ min: 1, max: 100 });

const listQuery = {
  ...pageQuery,
  cursor: textSchema({ min: 1, max: 400 }).optional().describe('`nextCursor` of the page before'),
  provider: provider.optional(),
  tier: z.enum(MODEL_TIERS).optional(),
  capability: z.enum(MODEL_CAPABILITIES).optional(),
  search: textSchema({ min: 1, max: 100 }).optional().describe('Part of the id or title, whatever its case'),
  minContextLength: queryNumber(z.int().min(1).max(2_147_483_647).optional()).describe(
    'Tokens; models of which it is not known are left out',
  ),
  maxInputPrice: price.optional().describe('US dollars for a million input tokens'),
  maxOutputPrice: price.optional().describe('US dollars for a million output tokens'),
  available: queryBoolean.optional().describe('Whether they can be asked on this server'),
  sort: z
    .enum(MODEL_SORTS)
    .default('name')
    .describe('`name`: the title; `price`: a million tokens in and out; `-` for the other way round'),
};
/** Which models are listed, and how. */
export type ListModelsQuery = z.output<typeof listModels.query>;

export const listModels = defineRoute({
  ...common,
  method: 'get',
  path: '/models',
  summary: 'The catalogue of models',
  query: z.strictObject({ ...listQuery, category: z.enum(MODEL_CATEGORIES).optional() }),
  answer: { status: 200, schema: pageOf(modelSchema) },
});

export const listCategoryModels = defineRoute({
  ...common,
  method: 'get',
  path: '/models/category/:category',
  summary: 'The models of a category',
  params: z.strictObject({ category: z.enum(MODEL_CATEGORIES) }),
  query: z.strictObject(listQuery),
  answer: { status: 200, schema: pageOf(modelSchema) },
});

const counts = {
  models: z.int().describe('All of them, the ones that cannot be asked included'),
  available: z.int().describe('The ones that can be asked'),
};

/** A provider, as the catalogue knows it. */
export const modelProviderSchema = z
  .object({
    provider: z.string(),
    configured: z.boolean().describe('This server has what it needs to ask it'),
    ...counts,
    syncedAt: timeSchema.nullable().describe('When its own list was taken over last; null: never'),
  })
  .meta({ id: 'ModelProvider' });
/** A provider, see {@link modelProviderSchema}. */
export type ModelProvider = z.infer<typeof modelProviderSchema>;

export const listModelProviders = defineRoute({
  ...common,
  method: 'get',
  path: '/models/providers',
  summary: 'The providers of models, with their numbers',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(modelProviderSchema) },
});

/** A category with its numbers. */
export const modelCategorySchema = z
  .object({ category: z.enum(MODEL_CATEGORIES), ...counts })
  .meta({ id: 'ModelCategory' });
/** A category with its numbers, see {@link modelCategorySchema}. */
export type ModelCategoryCount = z.infer<typeof modelCategorySchema>;

export const listModelCategories = defineRoute({
  ...common,
  method: 'get',
  path: '/models/categories',
  summary: 'The categories of models, with their numbers',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(modelCategorySchema) },
});

export const getModel = defineRoute({
  ...common,
  method: 'get',
  path: '/models/*modelId',
  summary: 'A model of the catalogue',
  params: modelParams,
  answer: { status: 200, schema: modelSchema },
  errors: ['not_found', 'model_not_available'],
});

/** How the sync of one provider went. */
export const providerSyncSchema = z
  .object({
    provider: z.string(),
    status: z
      .enum(['synced', 'empty', 'failed'])
      .describe('`empty`: it listed nothing, which changes nothing, like a failure'),
    listed: z.int().describe('Models that it listed'),
    added: z.int(),
    updated: z.int().describe('Changed, or listed again after they were gone'),
    vanished: z.int().describe('Not listed any more: switched off, not deleted'),
    error: z.string().optional().describe('Why it failed'),
  })
  .meta({ id: 'ProviderSync' });
/** How the sync of one provider went, see {@link providerSyncSchema}. */
export type ProviderSync = z.infer<typeof providerSyncSchema>;

/** How a sync went. */
export const modelSyncSchema = z
  .object({ startedAt: timeSchema, providers: z.array(providerSyncSchema) })
  .meta({ id: 'ModelSync' });
/** How a sync went, see {@link modelSyncSchema}. */
export type ModelSync = z.infer<typeof modelSyncSchema>;

export const syncModels = defineRoute({
  ...common,
  method: 'post',
  path: '/models/sync',
  summary: 'Takes over what the configured providers list, and waits for it',
  permission: 'models.manage',
  scope: 'admin',
  answer: { status: 200, schema: modelSyncSchema },
  errors: ['conflict'],
});
