import { ERRORS, type ErrorCode, type Problem } from '../contracts/errors.ts';

/** The HTTP status for clients of other APIs, to whom a model that cannot be asked is one that does not exist. */
export function foreignStatus(code: ErrorCode): number {
  return code === 'model_not_available' ? 404 : ERRORS[code].status;
}

/** A refused field without where it stands, as in `messages.0.content`; null for what is no field of those APIs. */
export function foreignField(path: string): string | null {
  // The same in a path as in a body: their clients know it as the model.
  if (path === 'params.modelId') return 'model';
  return path.startsWith('body.') ? path.slice('body.'.length) : null;
}

/** What happened, with the refused field named as `name` does it. */
export function sentenceOf({ detail, errors }: Problem, name: (path: string) => string | null): string {
  const path = errors?.[0]?.path;
  const named = path === undefined ? null : name(path);
  if (path === undefined || named === null || !detail.startsWith(path)) return detail;
  return named + detail.slice(path.length);
}
