import type { ServerResponse } from 'node:http';
import { parseInput } from '../../base/validation.ts';
import { eventIdSchema } from '../../contracts/event-id.ts';
import type { Have } from '../../contracts/events.ts';
import {
  cancelEnhancement,
  enhance,
  getEnhancement,
  streamEnhancement,
} from '../../contracts/routes/ai-enhance.ts';
import type { EnhancementRow } from '../../data/repositories/enhancements.ts';
import type { EnhanceText } from '../../services/enhance-text.ts';
import type { Enhancements } from '../../services/enhancements.ts';
import type { Identity } from '../../services/identity.ts';
import type { AppContext } from '../context.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of enhancements run. */
export interface AiRouteDeps {
  enhanceText: EnhanceText;
  enhancements: Enhancements;
  /** Begins a stream. */
  serve: (stream: {
    identity: Identity;
    enhancement: EnhancementRow;
    after: Have[] | undefined;
    response: ServerResponse;
  }) => void;
}

/** `/ai`: enhancing a text, and following, reading and cancelling that. */
export function aiRoutes({ enhanceText, enhancements, serve }: AiRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, enhance, ({ body }, { identity, ctx }) =>
      enhanceText(identity, body, idempotencyKey(ctx)),
    );

    mountRoute(table, streamEnhancement, async ({ params, query }, { identity, ctx }) => {
      const enhancement = await enhancements.find(identity.userId, params.sessionId);
      const after = positionOf(ctx, query.after);
      if (ctx.method === 'HEAD') return;
      ctx.respond = false;
      // Who was told the end has nothing to come back for: an EventSource takes this for a "no".
      if (after?.some(({ messageId, done }) => done && messageId === enhancement.replyId))
        ctx.res.writeHead(204).end();
      else serve({ identity, enhancement, after, response: ctx.res });
    });

    mountRoute(table, getEnhancement, ({ params }, { identity }) =>
      enhancements.get(identity.userId, params.sessionId),
    );

    mountRoute(table, cancelEnhancement, ({ params }, { identity }) =>
      enhancements.cancel(identity.userId, params.sessionId),
    );
  };
}

/** Where the client left off: the header of a reconnecting EventSource, or else what it was told to ask for. */
function positionOf(ctx: AppContext, query: string | undefined): Have[] | undefined {
  const header = ctx.get('last-event-id');
  if (header !== '') return parseInput(eventIdSchema, header, 'headers.last-event-id');
  return query === undefined ? undefined : parseInput(eventIdSchema, query, 'query.after');
}
