import { asGiven } from '../../base/errors.ts';
import { sendMessageBody } from '../../contracts/routes/messages.ts';
import type { SendMessage } from '../../services/send-message.ts';
import { defineHandler } from './handler.ts';

/** `message:send`: what `POST /messages` does. */
export function sendMessageHandler(sendMessage: SendMessage) {
  return defineHandler(sendMessageBody, (connection, body) =>
    sendMessage(connection.identity, body).catch((error: unknown) => {
      throw asGiven(error, 'body', 'payload');
    }),
  );
}
