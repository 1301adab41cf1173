import { z } from 'zod';
import { invalidField } from './errors.ts';

/** Where a cursor stands in a request. */
const PATH = 'query.cursor';

/** Turns a position in a list into the opaque text that clients hand back, and that text into the position. */
export interface CursorCodec<P> {
  encode(position: P): string;
  /**
   * The position to go on from; undefined for the first page.
   *
   * @throws {AppError} `validation_failed` at `query.cursor` for anything that `encode` did not make
   */
  decode(cursor: string | undefined): P | undefined;
}

/** Cursors of one kind of list: base64url of the JSON of a position that `schema` accepts. */
export function defineCursor<S extends z.ZodType>(schema: S): CursorCodec<z.output<S>> {
  return {
    encode: (position) => Buffer.from(JSON.stringify(position)).toString('base64url'),
    decode: (cursor) => {
      if (cursor === undefined) return undefined;
      const parsed = z.base64url().transform(parseJson).pipe(schema).safeParse(cursor);
      if (!parsed.success) throw invalidField(PATH, 'is not a cursor of this list');
      return parsed.data;
    },
  };
}

/** Undefined for what is not JSON: no schema of a position accepts that. */
function parseJson(encoded: string): unknown {
  try {
    return JSON.parse(Buffer.from(encoded, 'base64url').toString());
  } catch {
    return undefined;
  }
}
