import type { AnthropicError, AnthropicErrorType } from '../contracts/anthropic-error.ts';
import type { Problem } from '../contracts/errors.ts';
import { foreignField, foreignStatus, sentenceOf } from './foreign-error.ts';

const TYPES: Readonly<Record<number, AnthropicErrorType>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
};

/** A refusal in Anthropic's words: https://platform.claude.com/docs/en/api/errors */
export function anthropicErrorBody(problem: Problem): AnthropicError {
  const status = foreignStatus(problem.code);
  const type: AnthropicErrorType = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return {
    type: 'error',
    error: { type, message: sentenceOf(problem, foreignField), ...threadRefusal(problem) },
    request_id: problem.requestId,
  };
}

/** What makes the helper that runs tools go on without it: it wants every conversation kept until it is told so. */
function threadRefusal({ errors = [] }: Problem): Pick<AnthropicError['error'], 'details'> {
  if (!errors.some(({ path }) => path === 'body.thread')) return {};
  return { details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] } };
}
