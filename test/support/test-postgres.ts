import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createLogger } from '../../src/base/logger.ts';
import { startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';

/** As in `.ci/run`: nobody misses the data after a power cut, and all parts of a run share the connections. */
const THROWN_AWAY = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '500',
};

/** An embedded PostgreSQL for tests. */
export interface TestPostgres {
  /** Of a superuser. */
  readonly url: string;
  /** Stops it and deletes its data. */
  close(): Promise<void>;
}

/** Starts an embedded PostgreSQL on data of its own, which is not synced to disk. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-test-'));
  // As root it runs as somebody else, who must be able to pass; mkdtemp makes 0700.
  await chmod(dataDir, 0o711);
  const log = createLogger({ level: 'silent', pretty: false });
  const postgres = await startEmbeddedPostgres({ dataDir, log, settings: THROWN_AWAY });
  return {
    url: postgres.url,
    async close() {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
