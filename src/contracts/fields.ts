import { z } from 'zod';

/** What is said of a value of another form; of one that is not given at all, what is said of every such field. */
export const ifGiven =
  (words: string): z.core.$ZodErrorMap =>
  ({ input }) =>
    input === undefined ? undefined : words;

/** An id: a UUID, made by the server (version 7). */
export const idSchema = z.uuid({ error: ifGiven('must be a UUID') }).toLowerCase();

/** A moment: ISO 8601, UTC, milliseconds. */
export const timeSchema = z.iso.datetime().describe('ISO 8601, UTC');

/** An amount of credits or money: a JSON number with at most 10 decimals, computed exactly on the server. */
export const amountSchema = z.number();

/** Text that PostgreSQL and UTF-8 can hold, `max` UTF-16 code units at most. */
export function textSchema({ min = 0, max }: { min?: number; max: number }) {
  return z
    .string()
    .min(min, min === 1 ? 'must not be empty' : `must have ${min} or more characters`)
    .max(max, `must have at most ${max} characters`)
    .refine((text) => !text.includes('\0'), 'must not contain NUL characters')
    .refine((text) => text.isWellFormed(), 'must not contain lone surrogates');
}

/** Longest text that any server accepts, in UTF-16 code units; `MAX_MESSAGE_CHARS` and `MAX_BODY_BYTES` may set less. */
export const MAX_TEXT_CHARS = 10_000_000;

/** What somebody has written: a text that is not blank. */
export const writtenSchema = (max = MAX_TEXT_CHARS) =>
  textSchema({ min: 1, max }).refine(
    // What is empty is refused as too short, once.
    (text) => text === '' || text.trim() !== '',
    'must not be blank',
  );

/** A short text on one line: names, titles. Trimmed, and never empty. */
export const lineSchema = (max: number) =>
  textSchema({ max })
    .refine((text) => !/[\r\n]/.test(text), 'must be one line')
    .trim()
    .min(1, 'must not be empty');

/** An opaque position in a list, taken from `nextCursor`. */
export const cursorSchema = textSchema({ min: 1, max: 200 }).describe('`nextCursor` of the page before');

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** A number in a query string, in plain decimals: what is empty, or hexadecimal, is none. */
export const queryNumber = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value), schema);

/** What every list takes. */
export const pageQuery = {
  limit: queryNumber(z.int().min(1).max(100).default(20)).describe('Items a page'),
  cursor: cursorSchema.optional(),
};

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    nextCursor: z.string().nullable().describe('Pass as `cursor` for the next page; null on the last'),
  });
}

/** `true` and `false` in a query string. */
export const queryBoolean = z.enum(['true', 'false']).transform((value) => value === 'true');
