import { invalidField } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  deleteRun,
  END_ID,
  getRun,
  listRuns,
  startRun,
  streamRun,
} from '../../contracts/routes/playground.ts';
import type { PlaygroundRuns } from '../../services/playground-runs.ts';
import type { StartRun } from '../../services/start-run.ts';
import type { StreamRun } from '../../services/stream-run.ts';
import { idempotencyKey } from '../idempotency-key.ts';
import { lastEvent, positionsIn } from '../last-event.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';
import { type OpenEventStream, sendEvents, sendNothingMore } from '../send-events.ts';

/** What the routes of the playground run. */
export interface PlaygroundRouteDeps {
  startRun: StartRun;
  streamRun: StreamRun;
  runs: PlaygroundRuns;
  openStream: OpenEventStream;
  log: Logger;
}

/** `/playground`: one prompt for several models. */
export function playgroundRoutes(services: PlaygroundRouteDeps): RouteModule {
  const { runs, openStream: open, log } = services;
  return (table) => {
    mountRoute(table, startRun, ({ body }, { identity, headers }) =>
      services.startRun(identity, body, { root: 'body', idempotencyKey: idempotencyKey(headers) }),
    );

    mountRoute(table, streamRun, async ({ query }, { identity, headers, ctx }) => {
      const { prompt, models, sessionId, clientMessageId } = query;
      const last = lastEvent(headers, query.after);
      if (last?.id === END_ID) return sendNothingMore(ctx);
      if (last) {
        const events = await services.streamRun.resume(identity.userId, positionsIn(last));
        if (ctx.method === 'HEAD') return;
        return sendEvents(ctx, { identity, open, log, events });
      }
      if (prompt === undefined) throw invalidField('query.prompt', 'is required');
      if (ctx.method === 'HEAD') return;
      const asked = { prompt, models, sessionId, clientMessageId };
      const request = { root: 'query', idempotencyKey: idempotencyKey(headers) } as const;
      const run = await services.startRun(identity, asked, request);
      sendEvents(ctx, { identity, open, log, events: services.streamRun.start(run) });
    });

    mountRoute(table, listRuns, ({ query }, { identity }) => runs.list(identity.userId, query));

    mountRoute(table, getRun, ({ params }, { identity }) => runs.open(identity.userId, params.id));

    mountRoute(table, deleteRun, ({ params }, { identity }) => runs.remove(identity.userId, params.id));
  };
}
