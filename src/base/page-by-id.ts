import { idSchema } from '../contracts/fields.ts';
import { defineCursor } from './cursor.ts';
import { type Page, type PageQuery, pageFrom } from './page.ts';

/** What a statement reads for a page of a list in the order of its ids, the newest first. */
export interface IdPage {
  /** Items at most. */
  limit: number;
  /** Only items older than the one with this id. Undefined: from the newest on. */
  before?: string | undefined;
}

/** An {@link IdPage} of what one user has. */
export interface OwnedIdPage extends IdPage {
  userId: string;
}

const cursors = defineCursor(idSchema);

/**
 * A page of a list in the order of its ids, which begin with the time: the id of the last item is where the next page
 * begins.
 *
 * @throws {AppError} `validation_failed` at `query.cursor` for one that is not of such a list
 */
export async function pageById<T extends { id: string }, R>(
  { limit, cursor }: PageQuery,
  read: (page: IdPage) => Promise<T[]>,
  present: (item: T) => R,
): Promise<Page<R>> {
  const found = await read({ limit: limit + 1, before: cursors.decode(cursor) });
  return pageFrom(found, limit, { present, cursorOf: ({ id }) => cursors.encode(id) });
}
