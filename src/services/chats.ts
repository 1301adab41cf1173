import { notFound } from '../base/errors.ts';
import type { Database } from '../data/database.ts';
import { findKindOfMessage } from '../data/repositories/session-kinds.ts';
import { findKeptSession } from '../data/repositories/sessions.ts';

/** Keeps the doors of conversations to conversations. */
export interface Chats {
  /** @throws {AppError} `not_found` for a session of another kind, or of somebody else */
  requireSession(userId: string, id: string): Promise<void>;
  /** @throws {AppError} `not_found` for a message in a session of another kind, or of somebody else */
  requireMessage(userId: string, id: string): Promise<void>;
}

/** Makes it. */
export function createChats({ db }: Pick<Database, 'db'>): Chats {
  return {
    async requireSession(userId, id) {
      const session = await findKeptSession(db, userId, id);
      if (session?.kind !== 'chat') throw notFound('session');
    },
    async requireMessage(userId, id) {
      if ((await findKindOfMessage(db, userId, id)) !== 'chat') throw notFound('message');
    },
  };
}
