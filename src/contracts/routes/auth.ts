import { z } from 'zod';
import { ifGiven, lineSchema, textSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { userSchema } from '../user.ts';

/** An e-mail address, as it is typed. */
export const emailSchema = z
  .email({ error: ifGiven('must be an e-mail address') })
  .max(254, 'must have at most 254 characters')
  .describe('Unique whatever its case');
/** A password that is being set. */
export const newPasswordSchema = textSchema({ min: 8, max: 200 });
/** A password that may be wrong: whatever it is, it is compared. */
export const givenPasswordSchema = z.string().min(1, 'must not be empty').max(200);

/** What signing in answers with. The refresh token is also set as an HttpOnly cookie. */
export const signedInSchema = z
  .object({
    user: userSchema,
    accessToken: z.string().describe('A JWT for `Authorization: Bearer`'),
    refreshToken: z.string().describe('Opaque; good for one use'),
    expiresIn: z.int().describe('Seconds until the access token expires'),
  })
  .meta({ id: 'SignedIn' });

/** What signing in answers with, see {@link signedInSchema}. */
export type SignedIn = z.infer<typeof signedInSchema>;

export const register = defineRoute({
  method: 'post',
  path: '/auth/register',
  summary: 'Opens an account and signs in',
  tag: 'Auth',
  access: 'public',
  rateLimit: 'auth',
  body: z.strictObject({ email: emailSchema, password: newPasswordSchema, name: lineSchema(100).optional() }),
  answer: { status: 201, schema: signedInSchema },
  errors: ['email_taken'],
});

export const login = defineRoute({
  method: 'post',
  path: '/auth/login',
  summary: 'Signs in',
  tag: 'Auth',
  access: 'public',
  rateLimit: 'auth',
  body: z.strictObject({ email: emailSchema, password: givenPasswordSchema }),
  answer: { status: 200, schema: signedInSchema },
  errors: ['invalid_credentials'],
});

export const refresh = defineRoute({
  method: 'post',
  path: '/auth/refresh',
  summary: 'Trades a refresh token (cookie, Authorization header or body) for new tokens',
  tag: 'Auth',
  access: 'public',
  rateLimit: 'auth',
  body: z.strictObject({ refreshToken: textSchema({ min: 1, max: 200 }).optional() }).optional(),
  answer: { status: 200, schema: signedInSchema },
  errors: ['unauthenticated', 'token_expired', 'token_revoked', 'forbidden'],
});

export const logout = defineRoute({
  method: 'post',
  path: '/auth/logout',
  summary:
    'Revokes the tokens of this sign-in, everywhere and at once; a refresh token (cookie or Authorization header) names it, too',
  tag: 'Auth',
  access: 'sign-in',
  answer: { status: 204 },
});

export const getMe = defineRoute({
  method: 'get',
  path: '/auth/me',
  summary: 'Who is signed in',
  tag: 'Auth',
  access: 'user',
  answer: { status: 200, schema: userSchema },
});

export const getProfile = defineRoute({ ...getMe, path: '/auth/profile' });

export const verify = defineRoute({
  method: 'get',
  path: '/auth/verify',
  summary: 'Whether the access token is good',
  tag: 'Auth',
  access: 'user',
  answer: {
    status: 200,
    schema: z.object({
      valid: z.literal(true),
      user: userSchema,
      expiresAt: z.string().describe('When the token expires: ISO 8601, UTC'),
    }),
  },
});

export const createStreamTicket = defineRoute({
  method: 'post',
  path: '/auth/stream-ticket',
  summary: 'A single-use ticket for `?ticket=` of an event stream, since EventSource cannot send headers',
  tag: 'Auth',
  access: 'user',
  // As the streams that it is for, each of which asks for its own: the ticket of a key allows what the key does.
  scope: ['chat', 'text', 'ai'],
  answer: {
    status: 201,
    schema: z.object({ ticket: z.string(), expiresIn: z.int().describe('Seconds') }),
  },
});
