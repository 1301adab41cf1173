import { tries } from '../base/tries.ts';
import type { DoneEvent } from '../contracts/events.ts';
import { isTerminal, type Message } from '../contracts/message.ts';
import type { Database } from '../data/database.ts';
import { findMessages } from '../data/repositories/messages.ts';
import { presentMessage } from '../presenters/message.ts';
import type { Announcer } from './announce.ts';

/**
 * Publishes how a message ended: `message:update`, `message:error` of a failed one, `message:done`; of one that is not there
 * any more, `message:delete`. Reads it from the database, so it may be called again by whoever finds that the first caller may
 * have died before it was done, or whoever deleted the message; readers drop what they have seen.
 *
 * @param signal gives up on a broker that is away
 * @returns false when that has not taken it
 */
export type AnnounceEnd = (sessionId: string, messageId: string, signal?: AbortSignal) => Promise<boolean>;

/**
 * Nobody else tells that a message has ended, so a broker that is away is asked again; who has not heard of it by the end
 * of this learns of it when it comes back.
 */
const PATIENCE = { firstMs: 50, mostMs: 2_000, forMs: 60_000 };

/** Makes the verb. */
export function createAnnounceEnd(deps: {
  database: Database;
  announce: Announcer;
  inrPerUsd: number;
}): AnnounceEnd {
  const { database, announce, inrPerUsd } = deps;
  return async (sessionId, messageId, signal) => {
    const [view] = await findMessages(database.db, sessionId, [messageId]);
    const message = view && presentMessage(view, { inrPerUsd });
    if (message && !isTerminal(message.status)) return true;
    const publish = () => (message ? publishEnd(message) : publishDeletion(sessionId, messageId));
    for await (const _ of tries(PATIENCE, signal)) if (await publish()) return true;
    return false;
  };

  function publishDeletion(sessionId: string, messageId: string): Promise<boolean> {
    return announce.toSession(sessionId, 'message:delete', { sessionId, messageId });
  }

  async function publishEnd(message: Message): Promise<boolean> {
    const { sessionId, id: messageId, error } = message;
    const taken = await Promise.all([
      announce.toSession(sessionId, 'message:update', message),
      ...(error ? [announce.toSession(sessionId, 'message:error', { sessionId, messageId, error })] : []),
      announce.toSession(sessionId, 'message:done', doneOf(message)),
    ]);
    return taken.every(Boolean);
  }
}

/** The last event of an ended message. */
export function doneOf(message: Message): DoneEvent {
  const { sessionId, id: messageId, status, finishReason, usage, cost, credits } = message;
  return { sessionId, messageId, status, finishReason, usage, cost, credits };
}
