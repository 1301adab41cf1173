import type { AddressInfo } from 'node:net';
import type { Core } from '../src/compose.ts';
import { startMetricsListener } from '../src/http/metrics-listener.ts';
import { runProcess } from '../src/run-process.ts';
import { startGenerationWorker } from './generation-worker.ts';
import { startMaintenanceWorker } from './maintenance-worker.ts';

await runProcess([
  {
    name: 'worker',
    async start(core) {
      await startMaintenanceWorker(core, await startGenerationWorker(core));
      await serveMetrics(core);
      core.log.info('worker is ready');
    },
  },
]);

/** A worker has no HTTP side: its metrics have a port of their own, where one is set. */
async function serveMetrics({ config, log, lifecycle, metrics }: Core): Promise<void> {
  const { METRICS_PORT: port, METRICS_TOKEN: token, HOST: host } = config;
  if (port === undefined) return;
  const server = await startMetricsListener({ metrics, token, host, port, log });
  lifecycle.onClose('metrics', () => {
    server.close();
    server.closeAllConnections();
  });
  log.info({ metricsPort: (server.address() as AddressInfo).port }, 'metrics are served');
}
