import { notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Page, PageQuery } from '../base/page.ts';
import { pageById } from '../base/page-by-id.ts';
import type { Group } from '../contracts/routes/groups.ts';
import type { Database } from '../data/database.ts';
import {
  deleteGroupRow,
  findOwnedGroup,
  insertGroup,
  listGroups,
  renameGroup,
} from '../data/repositories/groups.ts';
import { findOwnedSessions } from '../data/repositories/sessions.ts';
import { presentGroup } from '../presenters/group.ts';
import { presentSession } from '../presenters/session.ts';
import type { Announcer } from './announce.ts';

/** What groups need. */
export interface GroupsDeps {
  database: Pick<Database, 'db' | 'transaction'>;
  announce: Announcer;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** What an owner does with groups. Somebody else's group is `not_found`, like one that is not there. */
export interface Groups {
  /** Newest first. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<Group>>;
  create(userId: string, name: string): Promise<Group>;
  /** Without a name it stays as it is. @throws {AppError} `not_found` */
  rename(userId: string, id: string, name: string | undefined): Promise<Group>;
  /** Its sessions stay, ungrouped, and each room is told so. @throws {AppError} `not_found` */
  remove(userId: string, id: string): Promise<void>;
}

/** Sessions that are read, and announced, at a time: a group may have any number. */
const CHUNK = 100;

/** Groups of sessions, on a database. */
export function createGroups({ database, announce, inrPerUsd }: GroupsDeps): Groups {
  const { db } = database;

  async function announceSessions(userId: string, ids: string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += CHUNK) {
      const sessions = await findOwnedSessions(db, userId, ids.slice(from, from + CHUNK));
      const shown = sessions.map((session) => presentSession(session, inrPerUsd));
      await Promise.all(shown.map((session) => announce.toSession(session.id, 'session:update', session)));
    }
  }

  return {
    list: (userId, query) => pageById(query, (page) => listGroups(db, { userId, ...page }), presentGroup),
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
      const left = await database.transaction((inside) => deleteGroupRow(inside, userId, id));
      if (!left) throw notFound('group');
      await announceSessions(userId, left);
    },
  };
}
