import { isTerminal, type Message } from '../contracts/message.ts';
import type { Session } from '../contracts/session.ts';
import type { Database } from '../data/database.ts';
import { pageMessages } from '../data/repositories/message-pages.ts';
import {
  findMessageIds,
  findMessages,
  listMessageIdsAfter,
  listRunningMessages,
  type MessageView,
} from '../data/repositories/messages.ts';
import { findSession } from '../data/repositories/sessions.ts';
import type { LiveTexts } from '../feed/ports.ts';
import { presentMessage } from '../presenters/message.ts';
import { presentSession } from '../presenters/session.ts';

/** Messages as they are at this moment: of a running one, with what is written so far. */
export interface LiveMessages {
  /** Every message of a session that is being written. */
  running(sessionId: string): Promise<Message[]>;
  /** These messages of a session; those that are not there are left out. */
  current(sessionId: string, ids: string[]): Promise<Message[]>;
  /**
   * The oldest of these messages, as many as are read at once: some megabyte of them. `left` are the ids of those behind that;
   * what is in neither is not there.
   */
  oldest(sessionId: string, ids: string[]): Promise<{ read: Message[]; left: string[] }>;
  /** The ids of what came after a message, oldest first. */
  newerIds(sessionId: string, messageId: string): Promise<string[]>;
  /** Which of these messages of a session are there. */
  existing(sessionId: string, ids: string[]): Promise<string[]>;
  /** The session, as it is; undefined when it is not there. */
  session(sessionId: string): Promise<Session | undefined>;
  /** One message; as it was read, should it not be there any more. */
  present(view: MessageView): Promise<Message>;
}

/** Most messages that a client which was away is told of; more it finds in `GET /messages`. */
const MAX_MISSED = 200;

/** Makes the reader. */
export function createLiveMessages(deps: {
  database: Database;
  live: LiveTexts;
  inrPerUsd: number;
}): LiveMessages {
  const { database, live, inrPerUsd } = deps;

  /** As it is now; undefined when it was deleted since it was read: what was read then has less than clients were sent. */
  const presentNow = async (view: MessageView): Promise<Message | undefined> => {
    if (!isRunning(view)) return presentMessage(view, { inrPerUsd });
    const { sessionId, id: messageId } = view;
    const written = await live.read({ sessionId, messageId, attempt: attemptOf(view) });
    if (written) return presentMessage(view, { inrPerUsd, live: written });
    // Nothing live: nothing was written yet, or it was settled and dropped since the row was read.
    const [again] = await findMessages(database.db, sessionId, [messageId]);
    // Or another worker has it, and what that one has written stands elsewhere.
    if (again && attemptOf(again) > attemptOf(view)) return presentNow(again);
    return again && presentMessage(again, { inrPerUsd });
  };

  const presentAll = async (views: MessageView[]) =>
    (await Promise.all(views.map(presentNow))).filter((message) => message !== undefined);

  return {
    present: async (view) => (await presentNow(view)) ?? presentMessage(view, { inrPerUsd }),
    running: async (sessionId) => presentAll(await listRunningMessages(database.db, sessionId)),
    current: async (sessionId, ids) => presentAll(await findMessages(database.db, sessionId, ids)),
    oldest: async (sessionId, ids) => {
      if (ids.length === 0) return { read: [], left: [] };
      const { messages, more } = await pageMessages(database.db, { sessionId, ids });
      const newest = messages.at(-1)?.id ?? '';
      return { read: await presentAll(messages), left: more ? ids.filter((id) => id > newest) : [] };
    },
    newerIds: (sessionId, after) => listMessageIdsAfter(database.db, { sessionId, after, limit: MAX_MISSED }),
    existing: (sessionId, ids) => findMessageIds(database.db, sessionId, ids),
    session: async (sessionId) => {
      const session = await findSession(database.db, sessionId);
      return session && presentSession(session, inrPerUsd);
    },
  };
}

const attemptOf = ({ generation }: MessageView): number => generation?.attempt ?? 0;

function isRunning({ generation }: MessageView): boolean {
  return generation !== null && !isTerminal(generation.status);
}
