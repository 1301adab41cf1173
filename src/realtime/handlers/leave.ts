import { leaveSchema } from '../../contracts/events.ts';
import type { EventHandler } from './handler.ts';

/** `leave`: nothing more of the session, from its arrival on, also where a `join` before it is still waiting. */
export const leaveHandler: EventHandler<typeof leaveSchema> = {
  schema: leaveSchema,
  take(connection, { sessionId }, admit) {
    connection.leaveSession(sessionId);
    return async () => {
      await admit();
      return {};
    };
  },
};
