import { joinSchema } from '../../contracts/events.ts';
import { defineHandler } from './handler.ts';

/** Throws `not_found` unless the session is the user's. */
export type RequireSession = (userId: string, sessionId: string) => Promise<void>;

/** `join`: acknowledged once the socket has everything that was written so far. */
export function joinHandler(requireSession: RequireSession) {
  return defineHandler({
    schema: joinSchema,
    async handle(connection, { sessionId, have = [] }) {
      await requireSession(connection.identity.userId, sessionId);
      return { live: await connection.joinSession(sessionId, have) };
    },
  });
}
