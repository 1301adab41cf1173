import { briefly } from './base/briefly.ts';
import { VERSION } from './base/version.ts';
import type { Core } from './compose.ts';
import { createMetricsAccess } from './http/metrics-access.ts';
import { createQueueBoard } from './http/queue-board.ts';
import type { RouteModule } from './http/route-table.ts';
import { adminSystemRoutes } from './http/routes/admin-system.ts';
import { metricsRoutes } from './http/routes/metrics.ts';
import { queueBoardRoutes } from './http/routes/queue-board.ts';
import { createQueueViewer } from './queue/queue-viewer.ts';
import type { BoardSessions } from './services/board-sessions.ts';
import { createSystemState } from './services/system-state.ts';

/** What a web process gives to those who look after it. */
export interface SystemParts {
  boardSessions: BoardSessions;
  /** Clients that are connected now. */
  connections: () => { socket: number; stream: number };
}

/** How long a look into the queues serves those who read the metrics, in milliseconds. */
const DEPTHS_KEPT_MS = 5_000;

/** The metrics, the state of the system, the board of queues. */
export function composeSystem(core: Core, { boardSessions, connections }: SystemParts): RouteModule[] {
  const { config, log, lifecycle, resources, metrics, providers } = core;
  const readOnly = config.QUEUE_BOARD_READONLY === 'true';
  const viewer = createQueueViewer(resources.queueBackend, log);
  lifecycle.onClose('view of the queues', () => viewer.close());
  const served = providers.names;
  const system = createSystemState({ ...core, ...resources, version: VERSION, viewer, served });
  lifecycle.onClose('state of the system', () => system.stop());

  const depths = briefly(DEPTHS_KEPT_MS, viewer.depths);
  metrics.gauge({
    name: 'parley_queue_jobs',
    help: 'Jobs of the queues, of the whole installation, a few seconds old',
    labels: ['queue', 'state'],
    read: async () =>
      (await depths()).flatMap(({ queue, ...states }) =>
        Object.entries(states).map(([state, value]) => ({ labels: { queue, state }, value })),
      ),
  });
  metrics.gauge({
    name: 'parley_connections',
    help: 'Clients that are connected: sockets, and SSE streams',
    labels: ['kind'],
    read: () => Object.entries(connections()).map(([kind, value]) => ({ labels: { kind }, value })),
  });

  return [
    adminSystemRoutes({ system }),
    queueBoardRoutes({
      serve: createQueueBoard({ viewer, readOnlyMode: readOnly }),
      sessions: boardSessions,
      production: config.production,
      readOnly,
    }),
    metricsRoutes({ metrics, requireAccess: createMetricsAccess(config.METRICS_TOKEN) }),
  ];
}
