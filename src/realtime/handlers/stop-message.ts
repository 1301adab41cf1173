import { stopSchema } from '../../contracts/events.ts';
import type { StopGeneration } from '../../services/stop-generation.ts';
import { defineHandler } from './handler.ts';

/** `message:stop`: what `POST /messages/:id/stop` does. */
export function stopMessageHandler(stopMessage: StopGeneration['stopMessage']) {
  return defineHandler(stopSchema, async (connection, { messageId }) => ({
    status: await stopMessage(connection.identity.userId, messageId),
  }));
}
