import { z } from 'zod';
import { textSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { emailSchema, givenPasswordSchema, newPasswordSchema, signedInSchema } from './auth.ts';

export const changePassword = defineRoute({
  method: 'patch',
  path: '/auth/password',
  summary: 'Changes your password, and ends all your other sign-ins; API keys stay',
  tag: 'Auth',
  access: 'user',
  rateLimit: 'auth',
  body: z.strictObject({
    currentPassword: givenPasswordSchema,
    newPassword: newPasswordSchema,
  }),
  answer: { status: 204 },
  errors: ['invalid_credentials', 'conflict', 'forbidden'],
});

export const forgotPassword = defineRoute({
  method: 'post',
  path: '/auth/forgot-password',
  summary: 'Mails a link to set a new password; the answer is the same whether the address is known or not',
  tag: 'Auth',
  access: 'public',
  rateLimit: 'auth',
  body: z.strictObject({ email: emailSchema }),
  answer: { status: 204, description: 'If the address has an account, a mail is on its way' },
});

export const resetPassword = defineRoute({
  method: 'patch',
  path: '/auth/reset-password/:token',
  summary: 'Sets a new password by the token of a mail, ends all sign-ins of the account, and signs in',
  tag: 'Auth',
  access: 'public',
  rateLimit: 'auth',
  params: z.strictObject({
    token: textSchema({ min: 1, max: 200 }).describe(
      'What stands behind `#` in the link of the mail; good for one use, for an hour',
    ),
  }),
  body: z.strictObject({ password: newPasswordSchema }),
  answer: { status: 200, schema: signedInSchema },
});
