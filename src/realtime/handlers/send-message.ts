import { asGiven } from '../../base/errors.ts';
import { KeyedQueue } from '../../base/keyed-queue.ts';
import { sendMessageBody } from '../../contracts/routes/messages.ts';
import type { SendMessage } from '../../services/send-message.ts';
import type { SocketConnection } from '../socket-connection.ts';
import { defineHandler } from './handler.ts';

/** Counts a request of whoever is at the other end. @throws {AppError} `rate_limited` */
export type CountRequest = (connection: SocketConnection) => Promise<void>;

/** `message:send`: what `POST /messages` does, and counted like that. */
export function sendMessageHandler(sendMessage: SendMessage, count: CountRequest) {
  // What is counted while the broker does not answer waits for it, and what comes a little later does not.
  const inOrder = new KeyedQueue();
  return defineHandler(sendMessageBody, async (connection, body) => {
    await inOrder.run(connection.socket.id, () => count(connection));
    return sendMessage(connection.identity, body).catch((error: unknown) => {
      throw asGiven(error, 'body', 'payload');
    });
  });
}
