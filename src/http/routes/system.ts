import { AppError } from '../../base/errors.ts';
import { inTime } from '../../base/in-time.ts';
import type { Logger } from '../../base/logger.ts';
import { sharedFor } from '../../base/shared-for.ts';
import { getHealth, getIndex, getReady } from '../../contracts/routes/system.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** Checks of what the process needs, by name; one that rejects or takes too long has failed. */
export type ReadinessChecks = Record<string, () => Promise<void>>;

/** What the system routes work with. */
export interface SystemRouteDeps {
  version: string;
  checks: ReadinessChecks;
  log: Logger;
  /** Longest that a check may take. Default 2 s. */
  checkTimeoutMs?: number;
}

const CHECK_TIMEOUT_MS = 2_000;
/** How long an answer is good for whoever asks: nobody has to sign in for it, and it is not counted. */
const SHARED_MS = 1_000;
const RETRY_SECONDS = 2;

const LINKS = {
  docs: '/api-docs',
  openapi: '/openapi.json',
  health: '/health',
  ready: '/health/ready',
};

/** What the server is, and how it is. */
export function systemRoutes(deps: SystemRouteDeps): RouteModule {
  const { version } = deps;
  const failedChecks = sharedFor(SHARED_MS, () => findFailed(deps));
  return (table) => {
    mountRoute(table, getIndex, async () => ({ name: 'Parley', version, links: LINKS }));

    mountRoute(table, getHealth, async () => ({ status: 'ok', version, uptimeSeconds: process.uptime() }));

    mountRoute(table, getReady, async () => {
      const failed = await failedChecks();
      if (failed.length > 0) throw notReady(failed);
      const names = Object.keys(deps.checks);
      return { status: 'ready', checks: Object.fromEntries(names.map((name) => [name, 'ok' as const])) };
    });
  };
}

/** The names of the checks that fail now. */
async function findFailed({
  checks,
  log,
  checkTimeoutMs = CHECK_TIMEOUT_MS,
}: SystemRouteDeps): Promise<string[]> {
  const results = await Promise.allSettled(
    Object.values(checks).map((check) => inTime(check, checkTimeoutMs)),
  );
  return Object.keys(checks).filter((name, index) => {
    const result = results[index];
    if (result?.status !== 'rejected') return false;
    log.warn({ check: name, err: result.reason }, 'a readiness check failed');
    return true;
  });
}

function notReady(failed: string[]): AppError {
  return new AppError('not_ready', `Not answering: ${failed.join(', ')}.`, {
    errors: failed.map((path) => ({ path, message: 'does not answer' })),
    retryAfterSeconds: RETRY_SECONDS,
  });
}
