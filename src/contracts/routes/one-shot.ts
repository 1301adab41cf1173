import type { ErrorCode } from '../errors.ts';

/** What every route has that starts a one-shot call. */
export const ONE_SHOT = {
  access: 'user',
  permission: 'chat.use',
  scope: 'text',
  rateLimit: 'generation',
} as const;

/** Why a one-shot call may be refused, or come to nothing, beside credits and limits. */
export const ONE_SHOT_ERRORS = [
  'model_not_available',
  'content_filter',
  'conflict',
  'idempotency_key_reused',
  'provider_failed',
] as const satisfies readonly ErrorCode[];
