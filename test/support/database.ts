import pg from 'pg';
import { newId } from '../../src/base/ids.ts';
import { type Database, openDatabase } from '../../src/data/database.ts';
import { migrate } from '../../src/data/migrate.ts';
import { atEndOfRun, postgresUrl } from './global.ts';

/** A migrated database of its own. */
export interface TestDatabase extends Database {
  /** For processes and pools of the test's own. */
  readonly url: string;
}

const POOL_SIZE = 10;

/**
 * Makes a database that nobody else uses: a copy of one that was migrated once for the run. `close` drops it.
 * Most tests want {@link useTestDatabase}.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  template ??= makeTemplate();
  return create(await template);
}

/** Makes a database that has nothing yet, not even a schema. `close` drops it. */
export const createEmptyDatabase = (): Promise<TestDatabase> => create('template0');

async function create(from: string): Promise<TestDatabase> {
  const name = `parley_test_${newId().replaceAll('-', '')}`;
  // Copying its files costs half of what writing them to the log does.
  await asSuperuser(`CREATE DATABASE ${name} TEMPLATE ${from} STRATEGY file_copy`);
  const url = await urlOf(name);
  const database = await openDatabase({ url, poolSize: POOL_SIZE });
  return {
    ...database,
    url,
    async close() {
      await database.close();
      await drop(name);
    },
  };
}

/**
 * Gives the tests of this `describe` a database of their own; call the answer inside of tests and hooks. It is dropped after
 * every other hook of the `describe`: whatever works on it is to be closed by then, and is not to wait for a database that is gone.
 */
export function useTestDatabase(): () => TestDatabase {
  let database: TestDatabase | undefined;
  before(async function () {
    // The first file of a run may have to start PostgreSQL.
    this.timeout(60_000);
    database = await createTestDatabase();
    // Here, where all hooks that are written down are known: it comes behind them.
    this.test?.parent?.afterAll(() => database?.close());
  });
  return () => {
    if (!database) throw new Error('The test database opens in a before hook; it is not open yet.');
    return database;
  };
}

let template: Promise<string> | undefined;

async function makeTemplate(): Promise<string> {
  const name = `parley_test_template_${newId().replaceAll('-', '')}`;
  await asSuperuser(`CREATE DATABASE ${name}`);
  atEndOfRun(() => drop(name));
  const database = await openDatabase({ url: await urlOf(name), poolSize: 2 });
  await migrate(database);
  // A template may not have connections while it is copied.
  await database.close();
  return name;
}

const drop = (name: string): Promise<void> => asSuperuser(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);

async function asSuperuser(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: await postgresUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function urlOf(name: string): Promise<string> {
  const url = new URL(await postgresUrl());
  url.pathname = `/${name}`;
  return url.href;
}
