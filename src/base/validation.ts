import type { z } from 'zod';
import type { FieldError } from '../contracts/errors.ts';
import { AppError } from './errors.ts';

/** A checked value, or why it is refused: every failing field, not only the first. */
export type Checked<T> = { ok: true; value: T } | { ok: false; errors: FieldError[] };

/** Most refused fields that one answer names. */
const MAX_ERRORS = 50;
/** Longest path that is echoed: keys are chosen by the client. */
const MAX_PATH = 200;

/**
 * Checks a value that came from outside against a contract.
 *
 * @param root - begins the path of each refused field, as in `body`; empty for none
 */
export function checkInput<S extends z.ZodType>(
  schema: S,
  value: unknown,
  root: string,
): Checked<z.output<S>> {
  const parsed = schema.safeParse(value, { error: inWords });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, errors: toldOf(parsed.error.issues).flatMap((issue) => toFieldErrors(issue, root)) };
}

/**
 * Like {@link checkInput}, for callers with a single value.
 *
 * @throws {AppError} `validation_failed`, naming every refused field
 */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown, root: string): z.output<S> {
  const checked = checkInput(schema, value, root);
  if (checked.ok) return checked.value;
  throw invalidInput(checked.errors);
}

/** The refusal of one or more fields. */
export function invalidInput(errors: FieldError[]): AppError {
  const named = errors.slice(0, MAX_ERRORS);
  const [first] = named;
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  const detail = first ? `${first.path}: ${first.message}${more}` : 'The request is not valid.';
  return new AppError('validation_failed', detail, { errors: named });
}

/** `body`, `settings`, `temperature` -> `body.settings.temperature`. */
export function fieldPath(root: string, keys: readonly PropertyKey[]): string {
  const path = [root, ...keys.map(String)].filter((key) => key !== '').join('.');
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH).toWellFormed()}…` : path;
}

/** zod measures also what is of another type, such as a text where a list should be: that it is none is all there is to say. */
function toldOf(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const at = ({ path }: z.core.$ZodIssue) => JSON.stringify(path.map(String));
  const mistyped = new Set(issues.filter(({ code }) => code === 'invalid_type').map(at));
  const measures = (issue: z.core.$ZodIssue) => issue.code === 'too_small' || issue.code === 'too_big';
  return issues.filter((issue) => !(measures(issue) && mistyped.has(at(issue))));
}

function toFieldErrors(issue: z.core.$ZodIssue, root: string): FieldError[] {
  if (issue.code === 'invalid_union') {
    const meant = meantOption(issue.errors);
    if (meant) return toldOf(meant).flatMap((each) => toFieldErrors(each, fieldPath(root, issue.path)));
  }
  if (issue.code !== 'unrecognized_keys') {
    return [{ path: fieldPath(root, issue.path), message: issue.message }];
  }
  return issue.keys.map((key) => ({
    path: fieldPath(root, [...issue.path, key]),
    message: 'is not a known field',
  }));
}

const TYPES: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  null: 'null',
};

/** What zod found wrong, where a contract has no words of its own for it. */
export const inWords: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      if (issue.input === undefined) return 'is required';
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return limit(issue.origin, issue.inclusive ? 'at least' : 'more than', issue.minimum);
    case 'too_big':
      return limit(issue.origin, issue.inclusive ? 'at most' : 'less than', issue.maximum);
    case 'invalid_format':
      return `must be a valid ${issue.format}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_union':
      return oneOf(issue.errors);
    default:
      return 'is not valid';
  }
};

const UNITS: Record<string, string> = { string: ' characters', array: ' items', set: ' items' };

function limit(origin: string, bound: string, value: number | bigint): string {
  const unit = UNITS[origin];
  return unit ? `must have ${bound} ${value}${unit}` : `must be ${bound} ${value}`;
}

/** Of a union, what is wrong with the only option whose kind the value has: a list that is wrong is no wrong text. */
function meantOption(options: z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const meant = options.filter((issues) => issues.every(({ path }) => path.length > 0));
  return meant.length === 1 ? meant[0] : undefined;
}

function oneOf(options: z.core.$ZodIssue[][] | undefined): string {
  const reasons = (options ?? []).map(([first]) => first?.message).filter((reason) => reason !== undefined);
  return reasons.length > 0 ? [...new Set(reasons)].join(', or ') : 'is not valid';
}
