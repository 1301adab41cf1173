import { z } from 'zod';

/**
 * Every stable error code of the API with its HTTP status and its title. Clients switch on the code;
 * titles are for people and may change.
 */
export const ERRORS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  content_filter: { status: 400, title: 'The content was refused' },
  sign_in_not_completed: { status: 400, title: 'The sign-in was not completed' },
  unauthenticated: { status: 401, title: 'Sign in first' },
  invalid_credentials: { status: 401, title: 'Wrong e-mail address or password' },
  token_expired: { status: 401, title: 'The token has expired' },
  token_revoked: { status: 401, title: 'The token has been revoked' },
  insufficient_credits: { status: 402, title: 'Not enough credits' },
  forbidden: { status: 403, title: 'Not allowed' },
  email_not_verified: { status: 403, title: 'The e-mail address is not verified' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'The request took too long' },
  conflict: { status: 409, title: 'Conflict with what is there' },
  email_taken: { status: 409, title: 'The e-mail address is already registered' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key belongs to another request' },
  model_not_available: { status: 422, title: 'The model is not available' },
  headers_too_large: { status: 431, title: 'The URL and the headers are too large' },
  too_many_generations: { status: 429, title: 'Too many replies at once' },
  usage_limit_reached: { status: 429, title: 'The usage limit is reached' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong' },
  provider_failed: { status: 502, title: 'The model provider failed' },
  google_failed: { status: 502, title: 'Google did not complete the sign-in' },
  not_configured: { status: 503, title: 'Not set up on this server' },
  not_ready: { status: 503, title: 'Not ready' },
} as const;

/** A stable error code, see {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** Why a request for replies that is right may be refused: credits and limits. */
export const ADMISSION_ERRORS = [
  'insufficient_credits',
  'usage_limit_reached',
  'too_many_generations',
] as const satisfies readonly ErrorCode[];

/** The codes a generation can end with; they stand in `message.error.code`, not in an HTTP status. */
export const GENERATION_ERROR_CODES = [
  'interrupted',
  'rate_limited',
  'overloaded',
  'timeout',
  'network',
  'provider_auth',
  'provider_billing',
  'bad_request',
  'content_filter',
  'stream_broken',
  'malformed_call',
  'provider_failed',
  'model_not_available',
  'internal',
] as const;

/** Why a generation failed. */
export type GenerationErrorCode = (typeof GENERATION_ERROR_CODES)[number];

const errorCodes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** One refused field. */
export const fieldErrorSchema = z
  .object({
    path: z.string().describe('Where the value stands, as in `body.settings.temperature`'),
    message: z.string().describe('What is wrong with it'),
  })
  .meta({ id: 'FieldError' });

/** The body of every error answer, and the `error` of a refused socket event (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe('A URI that identifies the code'),
    title: z.string().describe('The code in words'),
    status: z.int().describe('The HTTP status'),
    code: z.enum(errorCodes).describe('Stable; switch on this'),
    detail: z.string().describe('What happened this time, for people'),
    requestId: z.string().describe('Quote this when you ask the operator'),
    errors: z.array(fieldErrorSchema).optional().describe('The refused fields'),
    retryAfterSeconds: z
      .int()
      .optional()
      .describe('When to try again, as in `Retry-After`: a socket has no headers'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

/** One refused field, see {@link fieldErrorSchema}. */
export type FieldError = z.infer<typeof fieldErrorSchema>;
/** An error answer, see {@link problemSchema}. */
export type Problem = z.infer<typeof problemSchema>;
