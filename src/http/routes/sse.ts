import type { ServerResponse } from 'node:http';
import { asGiven } from '../../base/errors.ts';
import type { Have } from '../../contracts/events.ts';
import { streamSession } from '../../contracts/routes/sse.ts';
import type { Identity } from '../../services/identity.ts';
import type { SendMessage } from '../../services/send-message.ts';
import { lastEvent, positionsIn } from '../last-event.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the event stream of a session works with. */
export interface SseRouteDeps {
  /** Throws `not_found` unless the session is the user's. */
  requireSession: (userId: string, sessionId: string) => Promise<void>;
  sendMessage: SendMessage;
  /** Serves a stream; resolves once it has begun. */
  serve: (stream: {
    identity: Identity;
    sessionId: string;
    after: Have[] | undefined;
    prepare: (() => Promise<string[]>) | undefined;
    response: ServerResponse;
  }) => Promise<void>;
}

/** `GET /sse/sessions/:id/stream`. */
export function sseRoutes({ requireSession, sendMessage, serve }: SseRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, streamSession, async ({ params, query }, { identity, headers, ctx }) => {
      const sessionId = params.id;
      await requireSession(identity.userId, sessionId);
      if (ctx.method === 'HEAD') return;
      const after = positionsIn(lastEvent(headers, query.after));
      const { prompt, model, clientMessageId } = query;
      const post = async () => {
        const body = { sessionId, role: 'user' as const, content: prompt ?? '', model, clientMessageId };
        const { message, replies } = await sendMessage(identity, body).catch((error: unknown) => {
          const named = asGiven(error, 'body.sessionId', 'params.id');
          throw asGiven(asGiven(named, 'body.content', 'query.prompt'), 'body', 'query');
        });
        return [message.id, ...replies.map((reply) => reply.id)];
      };
      // A client that comes back has posted its prompt already.
      const prepare = prompt !== undefined && !after ? post : undefined;
      await serve({ identity, sessionId, after, prepare, response: ctx.res });
      ctx.respond = false;
    });
  };
}
