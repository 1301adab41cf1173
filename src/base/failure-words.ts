/**
 * What a failure says, for people. An AggregateError, as of a refused connection to `localhost` (which has two addresses), has no
 * message of its own.
 */
export function failureWords(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(failureWords).join('; ');
  return error instanceof Error ? error.message : String(error);
}
