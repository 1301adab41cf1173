import { joinSchema } from '../../contracts/events.ts';
import type { EventHandler } from './handler.ts';

/** Throws `not_found` unless the session is the user's. */
export type RequireSession = (userId: string, sessionId: string) => Promise<void>;

/**
 * `join`: acknowledged once the socket has everything that was written so far. Whether it is still wanted is known from its arrival
 * on: a `leave` that comes behind it is not behind in its effect.
 */
export function joinHandler(requireSession: RequireSession): EventHandler<typeof joinSchema> {
  return {
    schema: joinSchema,
    take(connection, { sessionId, have = [] }, admit) {
      const reader = connection.openSession(sessionId);
      const mayRead = async () => {
        await admit();
        await requireSession(connection.identity.userId, sessionId);
      };
      return async () => ({ live: await connection.joinSession(reader, { have, mayRead }) });
    },
  };
}
