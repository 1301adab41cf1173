import type { Core } from '../src/compose.ts';
import { type ModelSyncSchedule, startModelSyncSchedule } from '../src/queue/model-sync-schedule.ts';

const HOUR_MS = 3_600_000;
/** A provider that failed is asked again after this, as is one that was started after us: a local server, perhaps. */
const RETRY_MS = 300_000;
/** A run that comes a little too early counts: its job may have been added before the last one ended. */
const SLACK = 0.9;

/**
 * Keeps the catalogue up to date with what the providers list. Begins beside the start of the process, which waits for
 * no provider. Nothing to do where no provider has a list.
 */
export function startModelSyncWorker({
  config,
  log,
  lifecycle,
  resources,
  providers,
  syncModels,
}: Core): void {
  const maxAgeMs = Math.round(config.MODEL_SYNC_HOURS * HOUR_MS);
  const listed = providers.names.filter((name) => providers.get(name)?.listModels);
  if (maxAgeMs === 0 || listed.length === 0) return;
  const starting: Promise<ModelSyncSchedule | undefined> = startModelSyncSchedule({
    backend: resources.queueBackend,
    everyMs: Math.min(RETRY_MS, maxAgeMs),
    sync: (signal) => syncModels.syncDue(maxAgeMs * SLACK, signal),
    log,
  }).catch((error: unknown) => {
    log.warn({ err: error }, 'the model sync was not scheduled');
    return undefined;
  });
  lifecycle.onClose('model sync', async () => (await starting)?.close());
}
