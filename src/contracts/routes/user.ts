import { z } from 'zod';
import { lineSchema, pageOf, pageQuery, textSchema, timeSchema } from '../fields.ts';
import { costSchema } from '../message.ts';
import { modelSchema } from '../model.ts';
import { PERMISSIONS } from '../permissions.ts';
import { defineRoute } from '../route.ts';
import { userSchema } from '../user.ts';
import { modelParams } from './models.ts';

/** Nothing of an account but its list of models is for API keys, see `SCOPES`. */
const common = { tag: 'User', access: 'user' } as const;

/** How an interface may look. */
export const THEMES = ['light', 'dark', 'auto'] as const;
/** Most models that one user may mark. */
export const MAX_FAVORITES = 500;
/** Most kinds of notification that one user may switch. */
const MAX_NOTIFICATIONS = 50;

const language = textSchema({ min: 1, max: 35 })
  .transform((tag, context) => {
    try {
      return Intl.getCanonicalLocales(tag)[0] ?? tag;
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a language tag (BCP 47), as in en-IN' });
      return z.NEVER;
    }
  })
  .describe('A language tag (BCP 47), as in `en-IN`; answered in its canonical form');

const notifications = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'must be a name of letters, digits, `.`, `_` and `-`'),
    z.boolean(),
  )
  .refine(
    (given) => Object.keys(given).length <= MAX_NOTIFICATIONS,
    `must have at most ${MAX_NOTIFICATIONS} names`,
  )
  .describe('Which notifications are wanted; the names are the client’s own');

/** What a user likes; kept for clients, the server itself acts on none of it. */
export const preferencesSchema = z
  .object({
    theme: z.enum(THEMES),
    language: z.string().nullable().describe('A language tag (BCP 47); null: not chosen'),
    notifications: z.record(z.string(), z.boolean()),
  })
  .meta({ id: 'Preferences' });
/** What a user likes, see {@link preferencesSchema}. */
export type Preferences = z.infer<typeof preferencesSchema>;

const limit = z.int().nullable().describe('Null: no limit');

/** An account with everything that its owner may see of it. */
export const profileSchema = userSchema
  .extend({
    permissions: z.array(z.enum(PERMISSIONS)).describe('What the role allows now'),
    bio: z.string().nullable(),
    preferences: preferencesSchema,
    favoriteModels: z
      .array(z.string())
      .describe('Ids of models, in their order; the models: `GET /user/favorites`'),
    usageLimits: z
      .object({ dailyRequests: limit, monthlyRequests: limit, monthlyTokens: limit })
      .describe('What counts: of the role, with what was set for this account over it'),
    stats: z
      .object({
        messagesGenerated: z.int().describe('Replies that were completed'),
        tokensUsed: z.int().describe('Input and output tokens of all time'),
        totalCost: costSchema.describe('Of all time'),
        lastActive: timeSchema.nullable().describe('The last time in a session; null: there is none'),
        loginCount: z.int().describe('How often somebody signed in'),
      })
      .describe('In short; the rest: `GET /user/stats`'),
  })
  .meta({ id: 'Profile' });
/** An account for its owner, see {@link profileSchema}. */
export type Profile = z.infer<typeof profileSchema>;

export const getUserProfile = defineRoute({
  ...common,
  method: 'get',
  path: '/user/profile',
  summary: 'Your account',
  answer: { status: 200, schema: profileSchema },
});

/** What an owner may change of an account: this, and nothing else. */
const profileChangesSchema = z.strictObject({
  name: lineSchema(100).nullable().optional(),
  bio: textSchema({ max: 1_000 }).nullable().optional(),
  preferences: z
    .strictObject({
      theme: z.enum(THEMES).nullable(),
      language: language.nullable(),
      notifications: notifications.nullable(),
    })
    .partial()
    .optional()
    .describe('Changes the keys that are given; null takes one back to its default'),
});
/** See {@link profileChangesSchema}. */
export type ProfileChanges = z.output<typeof profileChangesSchema>;

export const updateUserProfile = defineRoute({
  ...common,
  method: 'patch',
  path: '/user/profile',
  summary: 'Changes what is given',
  body: profileChangesSchema,
  answer: { status: 200, schema: profileSchema },
});

export const listFavorites = defineRoute({
  ...common,
  method: 'get',
  path: '/user/favorites',
  summary: 'The models that you marked, by their ids; those that are gone are not `enabled`',
  scope: 'models',
  query: z.strictObject({
    ...pageQuery,
    cursor: textSchema({ min: 1, max: 400 }).optional().describe('`nextCursor` of the page before'),
  }),
  answer: { status: 200, schema: pageOf(modelSchema) },
});

export const toggleFavorite = defineRoute({
  ...common,
  method: 'post',
  path: '/user/favorites/*modelId',
  summary: `Marks a model, or takes the mark away; ${MAX_FAVORITES} at most`,
  params: modelParams,
  answer: {
    status: 200,
    schema: z.object({
      modelId: z.string().describe('The full id'),
      favorite: z.boolean().describe('Whether it is marked now'),
    }),
  },
  errors: ['not_found', 'model_not_available', 'conflict'],
});

export const exportUser = defineRoute({
  ...common,
  method: 'get',
  path: '/user/export',
  summary: 'Everything that is stored of you, as one JSON file',
  answer: {
    status: 200,
    contentType: 'application/json',
    description:
      '`{ exportedAt, profile, account, balance, favorites, groups, sessions (with `messages`), generations, ledger, ' +
      'usageByDay, apiKeys, signIns, aiEntities }`. No secret is in it, nor a hash of one.',
  },
});

export const deleteAccount = defineRoute({
  ...common,
  method: 'delete',
  path: '/user/account',
  summary: 'Deletes your account and everything in it, for good',
  rateLimit: 'auth',
  body: z
    .strictObject({
      password: z.string().min(1, 'must not be empty').max(200).optional(),
      confirm: z.string().max(254).optional().describe('For accounts without a password: the e-mail address'),
    })
    .describe('An account that has a password is deleted with it; one that has none, with `confirm`'),
  answer: { status: 204 },
  errors: ['invalid_credentials', 'conflict'],
});
