import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createLogger } from '../../src/base/logger.ts';
import { openDatabase } from '../../src/data/database.ts';
import { startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';
import { migrate } from '../../src/data/migrate.ts';
import { Api, inBatches } from './api.ts';
import { freePort } from './free-port.ts';
import { type BenchProcess, keep, startParley } from './processes.ts';

/** Web processes, one worker, Redis and PostgreSQL, all real. */
export interface Cluster {
  web: (BenchProcess & { port: number })[];
  worker: BenchProcess;
  redis: BenchProcess;
  redisUrl: string;
  databaseUrl: string;
  /**
   * Users of the first web process: as many people as sessions, up to a limit. One person's sockets all hear of one
   * balance, and one account's replies are admitted one after the other: a load of one person is none that there is.
   */
  people(sessions: number): Promise<Api[]>;
  close(): Promise<void>;
}

/** Most accounts: signing up takes a tenth of a second of CPU. */
const MAX_PEOPLE = 100;

/** Starts a cluster with an empty database. */
export async function startCluster({ webs }: { webs: number }): Promise<Cluster> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-bench-'));
  await chmod(dataDir, 0o711);
  const log = createLogger({ level: 'error', pretty: false });
  const postgres = await startEmbeddedPostgres({ dataDir, log });
  const database = await openDatabase({ url: postgres.url, poolSize: 2 });
  await migrate(database);
  await database.close();

  const redisPort = await freePort();
  const redisArgs = ['--port', String(redisPort), '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  const redis = keep(spawn('redis-server', redisArgs, { stdio: 'ignore' }));
  const redisUrl = `redis://127.0.0.1:${redisPort}`;
  const client = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => {});
  await client.ping();
  client.disconnect();

  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redisUrl,
    JWT_SECRET: 'benchmark-benchmark-benchmark-benchmark',
    PORT: '0',
    LOG_LEVEL: 'info',
    WORKER_CONCURRENCY: '5000',
    WELCOME_CREDITS: '1000000000',
    RATE_LIMITS: 'off',
    MAX_CONCURRENT_GENERATIONS: '10000',
    ACCESS_TOKEN_MINUTES: '1440',
    MAX_BODY_BYTES: '10000000',
    DATABASE_POOL_SIZE: '20',
    SHUTDOWN_GRACE_MS: '1000',
  };
  const worker = await startParley('bench/support/bench-worker', [], env);
  const web: Cluster['web'] = [];
  for (let n = 0; n < webs; n++) web.push(await startParley('src/server', ['web'], env));
  const people: Api[] = [];
  return {
    async people(sessions) {
      const missing = Math.max(0, Math.min(sessions, MAX_PEOPLE) - people.length);
      people.push(...(await inBatches(missing, () => Api.signUp(web[0]?.port ?? 0))));
      return people.slice(0, sessions);
    },
    web,
    worker,
    redis,
    redisUrl,
    databaseUrl: postgres.url,
    async close() {
      await Promise.all([...web, worker, redis].map((each) => each.kill()));
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
