import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Config, loadConfig } from '../../src/base/config.ts';
import { Lifecycle } from '../../src/base/lifecycle.ts';
import type { Logger } from '../../src/base/logger.ts';
import { type Core, composeCore } from '../../src/compose.ts';
import { composeWeb } from '../../src/compose-web.ts';
import { openResources, type Resources } from '../../src/resources.ts';
import { startGenerationWorker } from '../../workers/generation-worker.ts';
import { startModelSyncWorker } from '../../workers/model-sync-worker.ts';
import type { TestDatabase } from './database.ts';
import { silentLog } from './global.ts';
import { TEST_JWT_SECRET } from './http-app.ts';
import { RestClient } from './rest-client.ts';
import { type Served, signUp } from './test-user.ts';

/** Web and worker in this process, on the queue and the feed that the variables choose. */
export interface WholeApp extends Served {
  readonly core: Core;
  /** May do everything. */
  readonly admin: RestClient;
  /** An API key of the admin. */
  keyOf(scopes: string[]): Promise<RestClient>;
  close(): Promise<void>;
}

/** What may be put in the place of the real thing, and what is left out. */
export interface WholeAppOptions {
  env?: Record<string, string>;
  /** Left out: workers run beside it. */
  without?: 'worker';
  /** Left out: nothing is logged. */
  log?: Logger;
  change?: (resources: Resources, config: Config) => Resources;
}

/** Starts it on a free port. The database stays open when it is closed. */
export async function startWholeApp(database: TestDatabase, wanted: WholeAppOptions = {}): Promise<WholeApp> {
  const { env, without, log = silentLog, change = (resources) => resources } = wanted;
  const boss = `boss-${crypto.randomUUID()}@example.com`;
  const config = loadConfig({
    NODE_ENV: 'test',
    JWT_SECRET: TEST_JWT_SECRET,
    DATABASE_URL: database.url,
    ADMIN_EMAIL: boss,
    RATE_LIMITS: 'off',
    MODEL_SYNC_HOURS: '0',
    TITLE_MODEL: 'off',
    ECHO_TOKENS_PER_SECOND: '2000',
    ...env,
  });
  const lifecycle = new Lifecycle(log);
  const onFatal = (error: unknown) => log.fatal({ err: error }, 'this process must not go on');
  const options = { config, log, lifecycle, onFatal, databaseUrl: database.url };
  const resources = change(await openResources(options), config);
  const core = await composeCore({ config, log, lifecycle, resources });
  if (without !== 'worker') {
    await startGenerationWorker(core);
    startModelSyncWorker(core);
  }
  const server = await composeWeb(core);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const admin = (await signUp({ url }, boss)).at({ url });
  return {
    url,
    core,
    admin,
    async keyOf(scopes) {
      const { key } = await admin.post<{ key: string }>('/user/api-keys', { name: 'a key', scopes });
      return new RestClient({ url, userId: admin.userId, token: key });
    },
    close: () => lifecycle.close(),
  };
}
