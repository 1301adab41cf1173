import type { Logger } from '../../base/logger.ts';
import {
  chatInOneCall,
  deleteChat,
  deleteChatMessage,
  getChat,
  listChats,
  updateChat,
} from '../../contracts/routes/chat.ts';
import type { ChatReply } from '../../services/chat-reply.ts';
import type { Chats } from '../../services/chats.ts';
import type { Messages } from '../../services/messages.ts';
import type { Sessions } from '../../services/sessions.ts';
import type { StartChat } from '../../services/start-chat.ts';
import { clientGone } from '../client-gone.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { lastEvent, positionsIn } from '../last-event.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';
import { type OpenEventStream, sendEvents, sendNothingMore } from '../send-events.ts';

/** What the routes of chats run. */
export interface ChatRouteDeps {
  startChat: StartChat;
  chatReply: ChatReply;
  chats: Chats;
  sessions: Pick<Sessions, 'list' | 'update' | 'remove'>;
  messages: Pick<Messages, 'openSession' | 'remove'>;
  openStream: OpenEventStream;
  log: Logger;
}

/** `/chat`: a conversation in one call, and what `/sessions` does for conversations alone. `/chat/stats`: `stats.ts`. */
export function chatRoutes(services: ChatRouteDeps): RouteModule {
  const { startChat, chatReply, chats, sessions, messages, openStream: open, log } = services;
  return (table) => {
    mountRoute(table, chatInOneCall, async ({ body }, { identity, headers, ctx }) => {
      const { stream, ...call } = body;
      const last = stream ? lastEvent(headers) : undefined;
      if (last) {
        // It has been posted: whoever has an event of a stream comes back to that.
        const events = await chatReply.resume(identity.userId, positionsIn(last));
        return events ? sendEvents(ctx, { identity, open, log, events }) : sendNothingMore(ctx);
      }
      const chat = await startChat(identity, call, idempotencyKey(headers));
      if (stream) return sendEvents(ctx, { identity, open, log, events: chatReply.stream(chat) });
      const answer = await chatReply.wait(chat, clientGone(ctx));
      // Whoever asked has left; the reply is written all the same.
      if (!answer) ctx.respond = false;
      return answer;
    });

    mountRoute(table, listChats, ({ query }, { identity }) =>
      sessions.list(identity.userId, { ...query, kind: 'chat' }),
    );

    mountRoute(table, getChat, async ({ params }, { identity }) => {
      await chats.requireSession(identity.userId, params.id);
      return messages.openSession(identity.userId, params.id);
    });

    mountRoute(table, updateChat, async ({ params, body }, { identity }) => {
      await chats.requireSession(identity.userId, params.id);
      return sessions.update(identity.userId, params.id, body);
    });

    mountRoute(table, deleteChat, async ({ params }, { identity }) => {
      await chats.requireSession(identity.userId, params.id);
      await sessions.remove(identity.userId, params.id);
    });

    mountRoute(table, deleteChatMessage, async ({ params }, { identity }) => {
      await chats.requireMessage(identity.userId, params.id);
      await messages.remove(identity.userId, params.id);
    });
  };
}
