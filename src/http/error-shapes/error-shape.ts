import type { Problem } from '../../contracts/errors.ts';

/** A refusal, as it is answered. */
export interface ShapedError {
  status: number;
  contentType: string;
  body: object;
  /** Beside those that every refusal has. */
  headers?: Record<string, string>;
}

/** Tells a refusal in the words of one API. */
export type ShapeError = (problem: Problem) => ShapedError;

/** What does not get better in the seconds that a client waits. */
const HOPELESS: ReadonlySet<Problem['code']> = new Set([
  'usage_limit_reached',
  'conflict',
  'idempotency_key_reused',
]);
/** Who is told to wait longer, in seconds, would hang: those clients wait whatever they are told. */
const LONGEST_WAIT = 60;

/**
 * Keeps the clients of OpenAI and Anthropic, which both know this header and repeat what fails by themselves, from repeating
 * what is hopeless.
 */
export function retryHeaders({ code, retryAfterSeconds = 0 }: Problem): Record<string, string> {
  return HOPELESS.has(code) || retryAfterSeconds > LONGEST_WAIT ? { 'x-should-retry': 'false' } : {};
}
