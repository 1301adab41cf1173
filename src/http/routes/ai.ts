import type { Logger } from '../../base/logger.ts';
import {
  cancelEnhancement,
  enhance,
  getEnhancement,
  streamEnhancement as streamContract,
} from '../../contracts/routes/ai-enhance.ts';
import type { EnhanceText } from '../../services/enhance-text.ts';
import type { Enhancements } from '../../services/enhancements.ts';
import type { StreamEnhancement } from '../../services/stream-enhancement.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { lastEvent, positionsIn } from '../last-event.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';
import { type OpenEventStream, sendEvents, sendNothingMore } from '../send-events.ts';

/** What the routes of enhancements run. */
export interface AiRouteDeps {
  enhanceText: EnhanceText;
  enhancements: Enhancements;
  streamEnhancement: StreamEnhancement;
  openStream: OpenEventStream;
  log: Logger;
}

/** `/ai`: enhancing a text, and following, reading and cancelling that. */
export function aiRoutes({
  enhanceText,
  enhancements,
  streamEnhancement,
  openStream: open,
  log,
}: AiRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, enhance, ({ body }, { identity, headers }) =>
      enhanceText(identity, body, idempotencyKey(headers)),
    );

    mountRoute(table, streamContract, async ({ params, query }, { identity, headers, ctx }) => {
      const enhancement = await enhancements.find(identity.userId, params.sessionId);
      const last = lastEvent(headers, query.after);
      const events = streamEnhancement(enhancement, last ? positionsIn(last) : []);
      if (!events) return sendNothingMore(ctx);
      if (ctx.method === 'HEAD') return;
      return sendEvents(ctx, { identity, open, log, events });
    });

    mountRoute(table, getEnhancement, ({ params }, { identity }) =>
      enhancements.get(identity.userId, params.sessionId),
    );

    mountRoute(table, cancelEnhancement, ({ params }, { identity }) =>
      enhancements.cancel(identity.userId, params.sessionId),
    );
  };
}
