import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import type { ModelRecord } from '../data/entities/model.ts';
import { listAllModels } from '../data/repositories/models.ts';
import type { ControlBus } from '../feed/ports.ts';
import {
  createModelDirectory,
  type Model,
  type ModelDirectory,
  type MutableModelDirectory,
} from './model-directory.ts';

/** The copy of the catalogue that a process works with: read at the start, when it is told, and every minute. */
export interface Catalogue {
  readonly directory: ModelDirectory;
  /**
   * Reads the catalogue and follows its changes.
   *
   * @throws when the database does not answer
   */
  start(): Promise<void>;
  /**
   * To be called after the catalogue was changed: reads it again here, and tells every other process. One that does
   * not hear it finds out within a minute.
   */
  changed(): Promise<void>;
  /** May be called twice. */
  stop(): Promise<void>;
}

/** What {@link createCatalogue} works with. */
export interface CatalogueOptions {
  database: Pick<Database, 'db'>;
  control: ControlBus;
  log: Logger;
  /** Names of the providers that are served here. */
  served: readonly string[];
  /** Time between two reads, for what a lost message missed. Default one minute. */
  pollMs?: number;
}

const TOPIC = 'models-changed';
const POLL_MS = 60_000;

/** Makes the copy of this process; empty until it is started. */
export function createCatalogue(options: CatalogueOptions): Catalogue {
  const { database, control, log, served, pollMs = POLL_MS } = options;
  const warn = (error: unknown) => log.warn({ err: error }, 'failed to read the catalogue');
  const directory: MutableModelDirectory = createModelDirectory(served, [], () => refresh().catch(warn));
  /** The read that is going on, and the one that was asked for meanwhile. */
  let reading: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;

  /** Whoever asks gets a read that began after asking. */
  function refresh(): Promise<void> {
    if (!reading) {
      reading = read().finally(() => {
        reading = undefined;
      });
      return reading;
    }
    next ??= reading
      .catch(() => {})
      .then(() => {
        next = undefined;
        return refresh();
      });
    return next;
  }

  async function read(): Promise<void> {
    directory.replace((await listAllModels(database.db)).map(toModel));
  }

  const refreshLater = () => void refresh().catch(warn);

  return {
    directory,
    async start() {
      // Before the first read, so that nothing falls between the two.
      unsubscribe = control.subscribe(TOPIC, refreshLater);
      await refresh();
      timer = setInterval(refreshLater, pollMs);
      timer.unref();
    },
    async changed() {
      await refresh().catch(warn);
      await control.publish(TOPIC, {}).catch((error: unknown) => {
        log.warn({ err: error }, 'failed to broadcast a change of the catalogue');
      });
    },
    async stop() {
      clearInterval(timer);
      unsubscribe?.();
      await Promise.allSettled([reading, next]);
    },
  };
}

/** A row of the catalogue as the pipeline needs it. */
function toModel(record: ModelRecord): Model {
  const { id, provider, name, title, tier, contextLength, maxOutputTokens, parameters, enabled } = record;
  const { usdPerMillionInput, usdPerMillionCachedInput, usdPerMillionOutput, creditsPer100Tokens } = record;
  return {
    id,
    provider,
    name,
    title,
    tier,
    contextLength,
    maxOutputTokens,
    parameters,
    price: { usdPerMillionInput, usdPerMillionCachedInput, usdPerMillionOutput, creditsPer100Tokens },
    enabled,
    vanished: record.vanishedAt !== null,
  };
}
