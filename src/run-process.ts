import { type Config, ConfigError, loadConfig } from './base/config.ts';
import { failureWords } from './base/failure-words.ts';
import { Lifecycle } from './base/lifecycle.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { onStopSignals } from './base/stop-signals.ts';
import type { Core } from './compose.ts';
import { startEmbeddedPostgres } from './data/embedded-postgres.ts';

/** Starts what a process does beside existing. */
export type StartPart = (core: Core) => Promise<void>;

/**
 * Runs a process from its configuration to its end: opens, starts the parts in order, and closes everything in
 * reverse at SIGTERM or SIGINT. A second signal ends it at once.
 *
 * @param loads imports the code of each part, and not before the embedded PostgreSQL is on its way: each takes about a
 *   second of a core, and a person waits for both
 */
export async function runProcess(loads: (() => Promise<StartPart>)[]): Promise<void> {
  const config = readConfig();
  const log = createLogger({
    level: config.LOG_LEVEL,
    pretty: !config.production && process.stdout.isTTY === true,
  });
  const lifecycle = new Lifecycle(log);
  let stopping = false;
  const stop = async (why: string, exitCode: number) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ why }, 'stopping');
    await lifecycle.close();
    log.info('stopped');
    process.exitCode = exitCode;
    // Whatever is still open belongs to nobody.
    setTimeout(() => process.exit(exitCode), 100).unref();
  };
  onStopSignals({ stop: (signal) => void stop(signal, 0), stopNow: () => process.exit(1) });
  const fail = (error: unknown, why: string) => {
    log.fatal({ err: error }, why);
    void stop(why, 1);
  };
  process.on('uncaughtException', (error) => fail(error, 'a failure that nobody expected'));
  const onFatal = (error: unknown) => fail(error, 'this process must not go on');

  try {
    requireBroker(config, loads.length);
    const [databaseUrl, { openResources }, { composeCore }, ...parts] = await Promise.all([
      config.DATABASE_URL ?? startEmbedded({ config, log, lifecycle }),
      import('./resources.ts'),
      import('./compose.ts'),
      ...loads.map((load) => load()),
    ]);
    const resources = await openResources({ config, log, lifecycle, onFatal, databaseUrl });
    const core = await composeCore({ config, log, lifecycle, resources });
    for (const start of parts) await start(core);
  } catch (error) {
    // It was told to stop meanwhile: what it was starting on is being closed, and that is why.
    if (stopping) return;
    reportFailedStart(log, error);
    await stop('the start failed', 1);
  }
}

function readConfig(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Longer than the embedded PostgreSQL takes at most: it must not be left behind. */
const POSTGRES_STOP_MS = 60_000;

async function startEmbedded({
  config,
  log,
  lifecycle,
}: {
  config: Config;
  log: Logger;
  lifecycle: Lifecycle;
}): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir: config.DATA_DIR, log });
  lifecycle.onClose('embedded PostgreSQL', () => postgres.stop(), POSTGRES_STOP_MS);
  return postgres.url;
}

/** Web and worker can be processes of their own only where they can hear each other. */
function requireBroker(config: Config, parts: number): void {
  if (parts > 1 || (config.DATABASE_URL && config.REDIS_URL)) return;
  throw new Error(
    'Separate web and worker processes need DATABASE_URL and REDIS_URL. One process: npm start.',
  );
}

function reportFailedStart(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'the start failed');
  process.stderr.write(`Parley could not start: ${failureWords(error)}\n`);
}
