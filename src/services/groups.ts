import { defineCursor } from '../base/cursor.ts';
import { notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { idSchema } from '../contracts/fields.ts';
import type { Group } from '../contracts/routes/groups.ts';
import type { Database } from '../data/database.ts';
import {
  deleteGroupRow,
  findOwnedGroup,
  insertGroup,
  listGroups,
  renameGroup,
} from '../data/repositories/groups.ts';
import { presentGroup } from '../presenters/group.ts';

/** What an owner does with groups. Somebody else's group is `not_found`, like one that is not there. */
export interface Groups {
  /** Newest first. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<Group>>;
  create(userId: string, name: string): Promise<Group>;
  /** Without a name it stays as it is. @throws {AppError} `not_found` */
  rename(userId: string, id: string, name: string | undefined): Promise<Group>;
  /** Its sessions stay, ungrouped. @throws {AppError} `not_found` */
  remove(userId: string, id: string): Promise<void>;
}

const cursor = defineCursor(idSchema);

/** Groups of sessions, on a database. */
export function createGroups({ db }: Pick<Database, 'db'>): Groups {
  return {
    async list(userId, { limit, cursor: from }) {
      const found = await listGroups(db, { userId, limit: limit + 1, before: cursor.decode(from) });
      return pageFrom(found, limit, { present: presentGroup, cursorOf: (last) => cursor.encode(last.id) });
    },
    async create(userId, name) {
      return presentGroup(await insertGroup(db, { id: newId(), userId, name }));
    },
    async rename(userId, id, name) {
      const group = await (name === undefined
        ? findOwnedGroup(db, userId, id)
        : renameGroup(db, { id, userId, name }));
      if (!group) throw notFound('group');
      return presentGroup(group);
    },
    async remove(userId, id) {
      if (!(await deleteGroupRow(db, userId, id))) throw notFound('group');
    },
  };
}
