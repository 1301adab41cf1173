import {
  deleteMessage,
  listMessages,
  regenerateMessage,
  sendMessage,
  stopMessage,
} from '../../contracts/routes/messages.ts';
import type { Messages } from '../../services/messages.ts';
import type { RegenerateMessage } from '../../services/regenerate-message.ts';
import type { SendMessage } from '../../services/send-message.ts';
import type { StopGeneration } from '../../services/stop-generation.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of messages run. */
export interface MessageRouteDeps {
  messages: Pick<Messages, 'list' | 'remove'>;
  sendMessage: SendMessage;
  regenerateMessage: RegenerateMessage;
  stopMessage: StopGeneration['stopMessage'];
}

/** `/messages`: asking, stopping, asking again, and what was said. */
export function messageRoutes(services: MessageRouteDeps): RouteModule {
  const { messages } = services;
  return (table) => {
    mountRoute(table, listMessages, ({ params, query }, { identity }) =>
      messages.list(identity.userId, params.sessionId, query),
    );

    mountRoute(table, sendMessage, ({ body }, { identity, headers }) =>
      services.sendMessage(identity, body, idempotencyKey(headers)),
    );

    mountRoute(table, deleteMessage, ({ params }, { identity }) =>
      messages.remove(identity.userId, params.id),
    );

    mountRoute(table, stopMessage, async ({ params }, { identity }) => ({
      messageId: params.id,
      status: await services.stopMessage(identity.userId, params.id),
    }));

    mountRoute(table, regenerateMessage, ({ params, body = {} }, { identity, headers }) =>
      services.regenerateMessage(identity, params.id, body, idempotencyKey(headers)),
    );
  };
}
