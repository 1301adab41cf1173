import { leaveSchema } from '../../contracts/events.ts';
import { defineHandler } from './handler.ts';

/** `leave`: nothing more of the session. */
export const leaveHandler = defineHandler({
  schema: leaveSchema,
  async handle(connection, { sessionId }) {
    connection.leaveSession(sessionId);
    return {};
  },
});
