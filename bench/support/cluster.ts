import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createLogger } from '../../src/base/logger.ts';
import { openDatabase } from '../../src/data/database.ts';
import { startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';
import { migrate } from '../../src/data/migrate.ts';
import type { Api } from './api.ts';
import { freePort } from './free-port.ts';
import { openAccounts } from './people.ts';
import { type BenchProcess, keep, startParley } from './processes.ts';

/** Web processes, one worker, Redis and PostgreSQL, all real. */
export interface Cluster {
  web: (BenchProcess & { port: number })[];
  worker: BenchProcess;
  redis: BenchProcess;
  redisUrl: string;
  databaseUrl: string;
  /**
   * So many users of the first web process, the same ones each time. Each session of a load is of a person of its own: one
   * person's sockets all hear of one balance, and one account's replies are admitted one after the other.
   */
  people(count: number): Promise<Api[]>;
  close(): Promise<void>;
}

const JWT_SECRET = 'benchmark-benchmark-benchmark-benchmark';
/** Longer than any row takes. */
const TOKEN_MINUTES = 1_440;
/** More than any load uses up. */
const WELCOME_CREDITS = 1_000_000_000;

/** Starts a cluster with an empty database. */
export async function startCluster({ webs }: { webs: number }): Promise<Cluster> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-bench-'));
  await chmod(dataDir, 0o711);
  const log = createLogger({ level: 'error', pretty: false });
  const postgres = await startEmbeddedPostgres({ dataDir, log });
  const database = await openDatabase({ url: postgres.url, poolSize: 2 });
  await migrate(database);

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
    JWT_SECRET,
    PORT: '0',
    LOG_LEVEL: 'info',
    WORKER_CONCURRENCY: '5000',
    WELCOME_CREDITS: String(WELCOME_CREDITS),
    RATE_LIMITS: 'off',
    MAX_CONCURRENT_GENERATIONS: '10000',
    ACCESS_TOKEN_MINUTES: String(TOKEN_MINUTES),
    MAX_BODY_BYTES: '10000000',
    DATABASE_POOL_SIZE: '20',
    SHUTDOWN_GRACE_MS: '1000',
  };
  const worker = await startParley('bench/support/bench-worker', [], env);
  const web: Cluster['web'] = [];
  for (let n = 0; n < webs; n++) web.push(await startParley('src/server', ['web'], env));
  const people: Api[] = [];
  return {
    async people(count) {
      const missing = Math.max(0, count - people.length);
      const port = web[0]?.port ?? 0;
      const tokens = { secret: JWT_SECRET, minutes: TOKEN_MINUTES };
      const server = { database, port, tokens, welcomeCredits: WELCOME_CREDITS };
      people.push(...(await openAccounts(missing, server)));
      return people.slice(0, count);
    },
    web,
    worker,
    redis,
    redisUrl,
    databaseUrl: postgres.url,
    async close() {
      await Promise.all([...web, worker, redis].map((each) => each.kill()));
      await database.close();
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
