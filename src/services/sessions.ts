import { z } from 'zod';
import { defineCursor } from '../base/cursor.ts';
import { invalidField, notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { idSchema } from '../contracts/fields.ts';
import type { Session, SessionSettings } from '../contracts/session.ts';
import type { Database, Db } from '../data/database.ts';
import { findOwnedGroup, lockOwnedGroup } from '../data/repositories/groups.ts';
import type { SessionFilter } from '../data/repositories/session-filter.ts';
import {
  deleteSessionRow,
  findKeptSession,
  insertSession,
  listSessions,
  type SessionChanges,
  updateSession,
} from '../data/repositories/sessions.ts';
import { presentSession } from '../presenters/session.ts';
import type { AccessDirectory } from './access.ts';
import { requireSettings } from './admit-prompt.ts';
import type { Announcer } from './announce.ts';
import { chooseModel } from './choose-model.ts';
import type { DefaultModel } from './default-model.ts';
import { requireReach } from './model-access.ts';
import type { Model, ModelDirectory } from './model-directory.ts';

/** What sessions are made of. */
export interface SessionsDeps {
  database: Pick<Database, 'db' | 'transaction'>;
  models: ModelDirectory;
  /** Who may name paid models. */
  access: Pick<AccessDirectory, 'of'>;
  announce: Announcer;
  /** Ends every generation of a session that has not ended, whether or not the session is still there. */
  stopSession(userId: string, sessionId: string): Promise<void>;
  /** The model of a session that names none. */
  defaultModel: DefaultModel;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** What a new session may name. */
export interface SessionOpening {
  title?: string | undefined;
  groupId?: string | null | undefined;
  model?: string | undefined;
  settings?: SessionSettings | undefined;
}

/** What an owner does with sessions. Somebody else's session is `not_found`, like one that is not there. */
export interface Sessions {
  /** Last used first. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery & SessionFilter): Promise<Page<Session>>;
  /** The sessions of a group, last used first. @throws {AppError} `not_found` for the group */
  listOfGroup(userId: string, groupId: string, query: PageQuery): Promise<Page<Session>>;
  /** @throws {AppError} `not_found` for the group, `model_not_available`, `forbidden` for the model, `validation_failed` for settings */
  create(userId: string, opening: SessionOpening): Promise<Session>;
  /**
   * Changes what is given.
   *
   * @throws {AppError} `not_found` (session or group), `model_not_available`, `forbidden` for the model,
   *   `validation_failed` for settings that the model does not go with, and for a model where it is not a chat
   */
  update(userId: string, id: string, changes: SessionChanges): Promise<Session>;
  /** Stops what runs in it and deletes it with its messages. @throws {AppError} `not_found` */
  remove(userId: string, id: string): Promise<void>;
}

/** Milliseconds up to the year 9999, and the id. */
const cursor = defineCursor(z.tuple([z.int().min(0).max(253_402_300_799_999), idSchema]));

/** Sessions, on a database. */
export function createSessions(deps: SessionsDeps): Sessions {
  const { database, models, access, announce, stopSession, inrPerUsd } = deps;
  const { db } = database;

  async function list(userId: string, { limit, cursor: from, ...filter }: PageQuery & SessionFilter) {
    const [ms, id] = cursor.decode(from) ?? [];
    const after = id === undefined || ms === undefined ? undefined : { lastActivityAt: new Date(ms), id };
    const found = await listSessions(db, { userId, limit: limit + 1, after, ...filter });
    return pageFrom(found, limit, {
      present: (session) => presentSession(session, inrPerUsd),
      cursorOf: (last) => cursor.encode([last.lastActivityAt.getTime(), last.id]),
    });
  }

  /** A group that is written into a session must be the owner's, and stay until the session has it. */
  function withGroup<T>(userId: string, groupId: string | null | undefined, write: (db: Db) => Promise<T>) {
    if (groupId == null) return write(db);
    return database.transaction(async (inside) => {
      if (!(await lockOwnedGroup(inside, userId, groupId))) throw notFound('group', 'body.groupId');
      return write(inside);
    });
  }

  /** What is changed, the model or its settings, must go with what is not. */
  async function requireMatch(
    userId: string,
    id: string,
    { chosen, settings }: { chosen: Model | undefined; settings: SessionSettings | undefined },
  ): Promise<void> {
    const session = await findKeptSession(db, userId, id);
    if (!session) throw notFound('session');
    // Who answers was fixed when it was begun: the lanes of a run, the one model of an enhancement.
    if (chosen && session.kind !== 'chat') {
      throw invalidField('body.model', `of a session of the kind \`${session.kind}\` cannot be changed`);
    }
    const model = chosen ?? models.find(session.model);
    if (!model) return;
    if (settings) requireSettings(model, settings, 'body.settings');
    else requireSettings(model, session.settings, 'session.settings');
  }

  return {
    list,
    async listOfGroup(userId, groupId, query) {
      const page = await list(userId, { ...query, group: groupId });
      // Only an empty page leaves open whether there is such a group: the usual case stays one statement.
      if (page.data.length === 0 && !(await findOwnedGroup(db, userId, groupId))) throw notFound('group');
      return page;
    },
    async create(userId, { title = null, groupId = null, model, settings = {} }) {
      const chosen = await chooseModel(deps, { userId, named: model, path: 'body.model' });
      await requireReach(access, userId, [{ model: chosen, path: 'body.model' }]);
      requireSettings(chosen, settings, 'body.settings');
      const session = {
        id: newId(),
        userId,
        kind: 'chat',
        title,
        groupId,
        model: chosen.id,
        settings,
      } as const;
      const stored = await withGroup(userId, groupId, (inside) => insertSession(inside, session));
      const shown = presentSession(stored, inrPerUsd);
      await announce.toUser(userId, 'session:new', shown);
      return shown;
    },
    async update(userId, id, changes) {
      const chosen = changes.model === undefined ? undefined : models.resolve(changes.model, 'body.model');
      if (chosen) await requireReach(access, userId, [{ model: chosen, path: 'body.model' }]);
      if (chosen || changes.settings) await requireMatch(userId, id, { chosen, settings: changes.settings });
      const changing = Object.values(changes).some((value) => value !== undefined);
      const session = await withGroup(userId, changes.groupId, (inside) =>
        changing
          ? updateSession(inside, { id, userId, changes: { ...changes, model: chosen?.id } })
          : findKeptSession(inside, userId, id),
      );
      if (!session) throw notFound('session');
      const shown = presentSession(session, inrPerUsd);
      if (changing) await announce.toSession(id, 'session:update', shown);
      return shown;
    },
    async remove(userId, id) {
      if (!(await findKeptSession(db, userId, id))) throw notFound('session');
      await stopSession(userId, id);
      // In a transaction for its retry: a settlement locks message, then session; the cascade the other way.
      const deleted = await database.transaction((inside) => deleteSessionRow(inside, userId, id));
      if (!deleted) throw notFound('session');
      await announce.toSession(id, 'session:delete', { sessionId: id });
      // A reply that was asked for between the two: from here on nothing can be added any more.
      await stopSession(userId, id);
    },
  };
}
