import { notFound } from '../base/errors.ts';
import type { Page, PageQuery } from '../base/page.ts';
import type { Message } from '../contracts/message.ts';
import { type Conversation, LISTED_PROMPT_CHARS, type OpenRun, type Run } from '../contracts/playground.ts';
import type { Database } from '../data/database.ts';
import { listMessages } from '../data/repositories/message-pages.ts';
import { findMessages, type MessageView } from '../data/repositories/messages.ts';
import { summarizeRuns } from '../data/repositories/playground-runs.ts';
import { findKeptSession } from '../data/repositories/sessions.ts';
import { listedPrompt, presentConversation, presentRun } from '../presenters/playground.ts';
import { presentSession } from '../presenters/session.ts';
import type { LiveMessages } from './live-messages.ts';
import type { Sessions } from './sessions.ts';

/** What an owner does with runs. What is somebody else's, or no run, is `not_found`. */
export interface PlaygroundRuns {
  /** Last used first. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<Run>>;
  /** @throws {AppError} `not_found` */
  open(userId: string, id: string): Promise<OpenRun>;
  /** Stops its lanes and deletes it. @throws {AppError} `not_found` */
  remove(userId: string, id: string): Promise<void>;
}

/** What runs are read and deleted with. */
export interface PlaygroundRunsDeps {
  database: Pick<Database, 'db'>;
  sessions: Pick<Sessions, 'list' | 'remove'>;
  /** Shows a message; a running one with its text so far. */
  present: LiveMessages['present'];
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** How many messages a run is opened with, at most. */
const OPENING_MESSAGES = 200;
/** As much of a text as there is. */
const WHOLE = 2 ** 31 - 1;

/** Runs, on a database. */
export function createPlaygroundRuns(deps: PlaygroundRunsDeps): PlaygroundRuns {
  const { sessions, present, inrPerUsd } = deps;
  const { db } = deps.database;

  async function requireRun(userId: string, id: string) {
    const session = await findKeptSession(db, userId, id);
    if (session?.kind !== 'playground') throw notFound('session');
    return session;
  }

  /** What the lanes made of each prompt: the oldest prompt first, then by lane. */
  async function conversationsOf(sessionId: string): Promise<Conversation[]> {
    const { messages: newest } = await listMessages(db, { sessionId, limit: OPENING_MESSAGES });
    const replies = newest.filter(({ role }) => role === 'assistant').reverse();
    const prompts = new Map<string, string>();
    const note = (views: MessageView[]) => {
      for (const { id, role, content } of views) if (role === 'user') prompts.set(id, content);
    };
    note(newest);
    const asked = new Set(replies.flatMap(({ parentId }) => parentId ?? []));
    // The oldest replies that are read may answer something that is older still.
    note(
      await findMessages(
        db,
        sessionId,
        [...asked].filter((id) => !prompts.has(id)),
      ),
    );
    const shown = await Promise.all(replies.map(present));
    return shown.map((reply: Message) =>
      presentConversation(reply, prompts.get(reply.parentId ?? '') ?? null),
    );
  }

  return {
    async list(userId, query) {
      const page = await sessions.list(userId, { ...query, kind: 'playground' });
      const ids = page.data.map(({ id }) => id);
      const found = await summarizeRuns(db, ids, LISTED_PROMPT_CHARS * 2);
      const summaries = new Map(found.map((each) => [each.sessionId, each]));
      // One that was deleted since the page was read is left out.
      const runs = page.data.flatMap((session) => {
        const summary = summaries.get(session.id);
        return summary ? presentRun(session, { ...summary, prompt: listedPrompt(summary.prompt ?? '') }) : [];
      });
      return { ...page, data: runs };
    },

    async open(userId, id) {
      const session = await requireRun(userId, id);
      const [summary] = await summarizeRuns(db, [id], WHOLE);
      if (!summary) throw notFound('session');
      const run = presentRun(presentSession(session, inrPerUsd), {
        ...summary,
        prompt: summary.prompt ?? '',
      });
      return { ...run, conversations: await conversationsOf(id) };
    },

    async remove(userId, id) {
      await requireRun(userId, id);
      await sessions.remove(userId, id);
    },
  };
}
