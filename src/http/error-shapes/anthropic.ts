import { anthropicErrorBody } from '../../presenters/anthropic-error.ts';
import { foreignStatus } from '../../presenters/foreign-error.ts';
import { retryHeaders, type ShapeError } from './error-shape.ts';

/** A refusal in Anthropic's words. */
export const anthropicError: ShapeError = (problem) => ({
  status: foreignStatus(problem.code),
  contentType: 'application/json',
  body: anthropicErrorBody(problem),
  // The header in which its client looks for the id.
  headers: { ...retryHeaders(problem), 'request-id': problem.requestId },
});
