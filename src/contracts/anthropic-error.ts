import { z } from 'zod';

/** The kinds of refusals that Anthropic's clients know. */
export const ANTHROPIC_ERROR_TYPES = [
  'invalid_request_error',
  'authentication_error',
  'billing_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'rate_limit_error',
  'api_error',
] as const;

/** A kind of refusal. */
export type AnthropicErrorType = (typeof ANTHROPIC_ERROR_TYPES)[number];

/** A refusal in Anthropic's words: https://platform.claude.com/docs/en/api/errors */
export const anthropicErrorSchema = z
  .object({
    type: z.literal('error'),
    error: z.object({
      type: z.enum(ANTHROPIC_ERROR_TYPES),
      message: z.string().describe('For people'),
      details: z
        .object({ error_code: z.literal('thread_unsupported_request'), unsupported: z.array(z.string()) })
        .optional()
        .describe('Where a conversation was to be kept: clients send it whole, then'),
    }),
    request_id: z.string().describe('Quote this when you ask the operator'),
  })
  .meta({ id: 'AnthropicError' });

/** A refusal, see {@link anthropicErrorSchema}. */
export type AnthropicError = z.infer<typeof anthropicErrorSchema>;
