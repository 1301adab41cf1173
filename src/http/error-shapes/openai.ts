import { foreignStatus } from '../../presenters/foreign-error.ts';
import { openAiErrorBody } from '../../presenters/openai-error.ts';
import { retryHeaders, type ShapeError } from './error-shape.ts';

/** A refusal in OpenAI's words. */
export const openAiError: ShapeError = (problem) => ({
  status: foreignStatus(problem.code),
  contentType: 'application/json',
  body: openAiErrorBody(problem),
  headers: retryHeaders(problem),
});
