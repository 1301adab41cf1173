import { z } from 'zod';
import { textSchema } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { signedInSchema } from './auth.ts';

export const startGoogle = defineRoute({
  method: 'get',
  path: '/auth/google',
  summary: 'Sends a browser to Google to sign in',
  tag: 'Auth',
  access: 'public',
  rateLimit: 'auth',
  answer: { status: 302, description: 'To Google, with a cookie for the way back' },
  errors: ['not_configured'],
});

/** The way back from Google. */
export const finishGoogle = defineRoute({
  method: 'get',
  path: '/auth/google/callback',
  summary: 'Signs in whoever comes back from Google',
  tag: 'Auth',
  access: 'public',
  query: z
    .object({
      code: textSchema({ min: 1, max: 2_000 }).optional(),
      state: textSchema({ min: 1, max: 200 }).optional(),
      error: textSchema({ min: 1, max: 200 }).optional(),
    })
    .refine(({ code, error }) => code !== undefined || error !== undefined, {
      path: ['code'],
      message: 'is required',
    }),
  answer: { status: 200, schema: signedInSchema },
  errors: [
    'sign_in_not_completed',
    'email_not_verified',
    'email_taken',
    'forbidden',
    'google_failed',
    'not_configured',
  ],
});

/** The same where there is a page to go on to: only the cookie goes with it, or `?error=` with the code of a refusal. */
export const finishGoogleOnPage = defineRoute({
  ...finishGoogle,
  answer: { status: 302, description: 'To OAUTH_REDIRECT_URL, with the refresh cookie or with `?error=`' },
});
