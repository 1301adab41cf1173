/** Which page of a list is asked for. */
export interface PageQuery {
  /** Items a page. */
  limit: number;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** A page of a list, in the shape of the contracts. */
export interface Page<T> {
  data: T[];
  /** Null on the last page. */
  nextCursor: string | null;
}

/**
 * The page of `limit` items out of the `limit + 1` that were asked for: the one too many tells that there is
 * more, without counting.
 */
export function pageFrom<T, R>(
  found: T[],
  limit: number,
  { present, cursorOf }: { present: (item: T) => R; cursorOf: (last: T) => string },
): Page<R> {
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return { data: page.map(present), nextCursor: last === undefined ? null : cursorOf(last) };
}
