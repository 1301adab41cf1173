import { z } from 'zod';
import { idSchema, lineSchema, pageOf, pageQuery, timeSchema } from '../fields.ts';
import { SCOPES } from '../permissions.ts';
import { defineRoute } from '../route.ts';

/** Longest life of a key that has an end, in days. */
export const MAX_KEY_DAYS = 3_650;

const scopes = z
  .array(z.enum(SCOPES))
  .min(1, 'must name at least one scope')
  .max(SCOPES.length)
  .refine((names) => new Set(names).size === names.length, 'must name each scope once');

/** An API key, as its owner sees it: never the key itself. */
export const apiKeySchema = z
  .object({
    id: idSchema,
    name: z.string(),
    prefix: z.string().describe('How the key begins, to tell it from others'),
    scopes: z.array(z.enum(SCOPES)).describe('What it may be used for; each route names what it needs'),
    createdAt: timeSchema,
    expiresAt: timeSchema.nullable().describe('ISO 8601, UTC; null: never'),
    lastUsedAt: timeSchema.nullable().describe('To the minute: ISO 8601, UTC; null: not yet'),
  })
  .meta({ id: 'ApiKey' });

/** An API key, see {@link apiKeySchema}. */
export type ApiKey = z.infer<typeof apiKeySchema>;

/** A key that has just been made. */
export const newApiKeySchema = apiKeySchema
  .extend({ key: z.string().describe('The key: `pk_` and 43 characters. Shown this once, and not kept') })
  .meta({ id: 'NewApiKey' });

/** A key that has just been made, see {@link newApiKeySchema}. */
export type NewApiKey = z.infer<typeof newApiKeySchema>;

// No scope: keys can neither make keys nor look at them.
const common = { tag: 'API keys', access: 'user' } as const;

export const createApiKey = defineRoute({
  ...common,
  method: 'post',
  path: '/user/api-keys',
  summary: 'Makes an API key, and shows it this once. At most 50 may be good at a time',
  body: z
    .strictObject({
      name: lineSchema(100),
      scopes,
      expiresAt: z.iso
        .datetime({ offset: true, error: 'must be a moment, as in 2030-01-31T12:00:00Z' })
        .optional()
        .describe(`Within ${MAX_KEY_DAYS} days; without it, or \`expiresInDays\`, the key does not expire`),
      expiresInDays: z.int().min(1).max(MAX_KEY_DAYS).optional().describe('Instead of `expiresAt`'),
    })
    .refine(({ expiresAt, expiresInDays }) => expiresAt === undefined || expiresInDays === undefined, {
      path: ['expiresInDays'],
      error: 'must not be given together with `expiresAt`',
    }),
  answer: { status: 201, schema: newApiKeySchema },
  errors: ['conflict'],
});
/** What a new key is to be. */
export type CreateApiKeyBody = z.output<typeof createApiKey.body>;

export const listApiKeys = defineRoute({
  ...common,
  method: 'get',
  path: '/user/api-keys',
  summary: 'Your API keys, newest first, without those that were revoked',
  query: z.strictObject(pageQuery),
  answer: { status: 200, schema: pageOf(apiKeySchema) },
});

export const revokeApiKey = defineRoute({
  ...common,
  method: 'delete',
  path: '/user/api-keys/:keyId',
  summary: 'Revokes an API key, everywhere: its requests are refused, its sockets and event streams end',
  params: z.strictObject({ keyId: idSchema }),
  answer: { status: 204 },
  errors: ['not_found'],
});
