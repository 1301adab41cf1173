import type { ErrorCode, Problem } from '../contracts/errors.ts';
import type { OpenAiError, OpenAiErrorType } from '../contracts/openai-error.ts';
import { foreignField, sentenceOf } from './foreign-error.ts';

/** Codes that OpenAI publishes itself; clients look for them. Every other code is our own. */
const CODES: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'invalid_api_key',
  token_expired: 'invalid_api_key',
  token_revoked: 'invalid_api_key',
  insufficient_credits: 'insufficient_quota',
  usage_limit_reached: 'insufficient_quota',
  model_not_available: 'model_not_found',
  rate_limited: 'rate_limit_exceeded',
  too_many_generations: 'rate_limit_exceeded',
};

/** A refusal in OpenAI's words: https://platform.openai.com/docs/guides/error-codes */
export function openAiErrorBody(problem: Problem): OpenAiError {
  const path = problem.errors?.[0]?.path;
  return {
    error: {
      message: sentenceOf(problem, toParam),
      type: typeOf(problem),
      param: path === undefined ? null : toParam(path),
      code: CODES[problem.code] ?? problem.code,
    },
  };
}

function typeOf({ code, status }: Problem): OpenAiErrorType {
  if (CODES[code] === 'insufficient_quota') return 'insufficient_quota';
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** `body.messages.0.content` -> `messages[0].content`; null for what is not in the body. */
function toParam(path: string): string | null {
  return foreignField(path)?.replace(/\.(\d+)(?=\.|$)/g, '[$1]') ?? null;
}
