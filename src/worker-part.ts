import type { AddressInfo } from 'node:net';
import { startGenerationWorker } from '../workers/generation-worker.ts';
import { startMaintenanceWorker } from '../workers/maintenance-worker.ts';
import type { Core } from './compose.ts';
import { startMetricsListener } from './http/metrics-listener.ts';

/** Runs generations, and what is to be done from time to time. */
export async function startWorker(core: Core): Promise<void> {
  await startMaintenanceWorker(core, await startGenerationWorker(core));
}

/** A worker that is a process of its own. It has no HTTP side: its metrics have a port, where one is set. */
export async function startLoneWorker(core: Core): Promise<void> {
  await startWorker(core);
  await serveMetrics(core);
  core.log.info('worker is ready');
}

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
