import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { loadConfig } from '../../src/base/config.ts';
import { Lifecycle } from '../../src/base/lifecycle.ts';
import { composeCore } from '../../src/compose.ts';
import { composeWeb } from '../../src/compose-web.ts';
import { createMemoryFeed, type MemoryFeed } from '../../src/feed/memory.ts';
import type { TestDatabase } from './database.ts';
import { silentLog as log } from './global.ts';
import { TEST_JWT_SECRET } from './http-app.ts';
import type { Served } from './test-user.ts';

/** The web side as it runs, in this process; without workers: what is asked stays queued. */
export interface WebApp extends Served {
  readonly feed: MemoryFeed;
  close(): Promise<void>;
}

/** Starts it on a free port. The database stays open when it is closed. */
export async function startWebApp(database: TestDatabase, env: Record<string, string> = {}): Promise<WebApp> {
  const config = loadConfig({ NODE_ENV: 'test', JWT_SECRET: TEST_JWT_SECRET, ...env });
  const lifecycle = new Lifecycle(log);
  const feed = createMemoryFeed();
  lifecycle.onClose('feed', () => feed.close());
  const core = await composeCore({
    config,
    log,
    lifecycle,
    resources: { database, feed, memoryFeed: feed, queueBackend: { kind: 'postgres', url: database.url } },
  });
  const server = await composeWeb(core);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, feed, close: () => lifecycle.close() };
}
