import { z } from 'zod';
import { amountSchema, timeSchema } from './fields.ts';

/** What a model is mostly for. */
export const MODEL_CATEGORIES = ['general', 'reasoning', 'code', 'vision', 'other'] as const;
/** Who may ask it: `paid` needs the permission `models.paid`. */
export const MODEL_TIERS = ['free', 'paid'] as const;
/** What a model can do. */
export const MODEL_CAPABILITIES = ['text', 'vision', 'audio', 'tools', 'json', 'reasoning'] as const;
/** Settings that a model may or may not take; one that it does not take is left out of the request. */
export const MODEL_PARAMETERS = ['temperature', 'topP', 'maxTokens'] as const;
/** Where what is known of a model comes from; the later wins, field by field. */
export const MODEL_SOURCES = ['snapshot', 'sync', 'admin'] as const;

/** A setting that a model may or may not take. */
export type ModelParameter = (typeof MODEL_PARAMETERS)[number];

/** What a model costs. US dollars for a million tokens, credits for a hundred. */
export const modelPriceSchema = z
  .object({
    usdPerMillionInput: amountSchema,
    usdPerMillionCachedInput: amountSchema.describe('Input tokens that the provider had in its cache'),
    usdPerMillionOutput: amountSchema,
    creditsPer100Tokens: amountSchema.describe('Credits for 100 tokens, input and output alike'),
  })
  .meta({ id: 'ModelPrice' });

/** A model of the catalogue. */
export const modelSchema = z
  .object({
    id: z.string().describe('`provider/name`; `echo` for the offline one'),
    provider: z.string(),
    name: z.string().describe("The provider's own name of it"),
    title: z.string().describe('For people'),
    category: z.enum(MODEL_CATEGORIES),
    tier: z.enum(MODEL_TIERS),
    contextLength: z.int().nullable().describe('Most tokens of prompt and reply together; null: not known'),
    maxOutputTokens: z.int().nullable().describe('Most tokens of a reply; null: not known'),
    capabilities: z.array(z.enum(MODEL_CAPABILITIES)),
    parameters: z.array(z.enum(MODEL_PARAMETERS)).describe('The settings that it takes'),
    price: modelPriceSchema,
    enabled: z.boolean().describe('Neither switched off by an admin nor gone at its provider'),
    available: z.boolean().describe('Enabled, and this server has what its provider needs: it can be asked'),
    source: z.enum(MODEL_SOURCES).describe('The latest source that said something of it'),
    updatedAt: timeSchema,
  })
  .meta({ id: 'Model' });

/** A model of the catalogue, see {@link modelSchema}. */
export type Model = z.infer<typeof modelSchema>;
/** What a model is mostly for. */
export type ModelCategory = (typeof MODEL_CATEGORIES)[number];
/** Who may ask a model. */
export type ModelTier = (typeof MODEL_TIERS)[number];
/** What a model can do. */
export type ModelCapability = (typeof MODEL_CAPABILITIES)[number];
/** Where what is known of a model comes from. */
export type ModelSource = (typeof MODEL_SOURCES)[number];
