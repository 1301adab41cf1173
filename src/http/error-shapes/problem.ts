import type { ShapeError } from './error-shape.ts';

/** A refusal in our own words: RFC 9457. */
export const problemError: ShapeError = (problem) => ({
  status: problem.status,
  contentType: 'application/problem+json',
  body: problem,
});
