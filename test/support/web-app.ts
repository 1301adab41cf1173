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

/**
 * Starts it on a free port, over a feed of its own unless given: that of another app makes the two processes of one
 * installation. The database stays open when it is closed, and so does a feed that was given.
 */
export async function startWebApp(
  database: TestDatabase,
  env: Record<string, string> = {},
  shared?: MemoryFeed,
): Promise<WebApp> {
  const config = loadConfig({ NODE_ENV: 'test', JWT_SECRET: TEST_JWT_SECRET, ...env });
  const lifecycle = new Lifecycle(log);
  const feed = shared ?? createMemoryFeed();
  if (!shared) lifecycle.onClose('feed', () => feed.close());
  const resources = {
    database,
    feed,
    memoryFeed: feed,
    queueBackend: { kind: 'postgres', url: database.url },
  } as const;
  try {
    const core = await composeCore({ config, log, lifecycle, resources });
    const server = await composeWeb(core);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, feed, close: () => lifecycle.close() };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}
