import { z } from 'zod';

/** The kinds of refusals that OpenAI's clients know. */
export const OPENAI_ERROR_TYPES = [
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'insufficient_quota',
  'rate_limit_error',
  'server_error',
] as const;

/** A kind of refusal. */
export type OpenAiErrorType = (typeof OPENAI_ERROR_TYPES)[number];

/** A refusal in OpenAI's words: https://platform.openai.com/docs/guides/error-codes */
export const openAiErrorSchema = z
  .object({
    error: z.object({
      message: z.string().describe('For people'),
      type: z.enum(OPENAI_ERROR_TYPES),
      param: z.string().nullable().describe('The refused field, as in `messages[0].content`'),
      code: z.string().describe("Stable: OpenAI's own where it has one, else ours"),
    }),
  })
  .meta({ id: 'OpenAiError' });

/** A refusal, see {@link openAiErrorSchema}. */
export type OpenAiError = z.infer<typeof openAiErrorSchema>;
