import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, ConfigError } from '../../src/base/config.ts';
import { createLogger } from '../../src/base/logger.ts';
import { type Database, openDatabase } from '../../src/data/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';
import { EmbeddedPostgresError } from '../../src/data/embedded-postgres-error.ts';
import { findEmbeddedPostgres } from '../../src/data/embedded-postgres-find.ts';
import { assertSchemaCurrent, migrate } from '../../src/data/migrate.ts';

/** How long a Parley that has just been started may take until its database answers, in milliseconds. */
const START_MS = 30_000;
const TRY_EVERY_MS = 200;
/** A migration holds a lock on one connection, and works on another. */
const POOL_SIZE = 2;

/**
 * Does something with the database of a configuration: that of `DATABASE_URL`, that of a Parley which runs on `DATA_DIR`,
 * or else the embedded one, which is started for as long as it takes.
 *
 * @throws {ConfigError} when there is no database; what `work` throws
 */
export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  if (config.DATABASE_URL) return onServer(config.DATABASE_URL, work);
  for (const giveUpAt = Date.now() + START_MS; ; await sleep(TRY_EVERY_MS)) {
    const found = await findEmbeddedPostgres(config.DATA_DIR);
    if (found.state === 'running') return onServer(found.url, work);
    if (found.state === 'none') throw new ConfigError(nothingThere(config));
    const postgres = await start(config, giveUpAt);
    if (postgres) return onOwn(postgres, work);
  }
}

async function onServer<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase({ url, poolSize: POOL_SIZE });
  try {
    await assertSchemaCurrent(database);
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Nobody else is there to bring the schema up to date. */
async function onOwn<T>(postgres: EmbeddedPostgres, work: (database: Database) => Promise<T>): Promise<T> {
  try {
    const database = await openDatabase({ url: postgres.url, poolSize: POOL_SIZE });
    try {
      await migrate(database);
      return await work(database);
    } finally {
      await database.close();
    }
  } finally {
    await postgres.stop();
  }
}

/** Undefined when a Parley has been started meanwhile, whose database will answer soon. */
async function start({ DATA_DIR: dataDir }: Config, giveUpAt: number): Promise<EmbeddedPostgres | undefined> {
  try {
    return await startEmbeddedPostgres({ dataDir, log: createLogger({ level: 'silent', pretty: false }) });
  } catch (error) {
    const isInUse = error instanceof EmbeddedPostgresError && error.code === 'in_use';
    if (isInUse && Date.now() < giveUpAt) return undefined;
    throw error;
  }
}

const nothingThere = ({ DATA_DIR }: Config): string =>
  `There is no Parley under ${DATA_DIR}. Start it once and register, or set DATA_DIR or DATABASE_URL to where it is.`;
