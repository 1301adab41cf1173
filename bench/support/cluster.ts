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

/** A web process, and where it listens. */
type WebProcess = BenchProcess & { port: number };

/** A running Parley with the worker of the benchmark, as a load sees it. */
export interface Parley {
  /** Of the (first) web process. */
  port: number;
  /** All of its processes but PostgreSQL's. */
  pids: number[];
  /**
   * So many users, the same ones each time. Each session of a load is of a person of its own: one person's sockets all hear
   * of one balance, and one account's replies are admitted one after the other.
   */
  people(count: number): Promise<Api[]>;
  /** Has the replies that wait after their first token written on. */
  goOn(): void;
  close(): Promise<void>;
}

/** Web processes, one worker, Redis and PostgreSQL, all real. */
export interface Cluster extends Parley {
  web: WebProcess[];
  /** One more of them, which whoever asked for it ends. */
  startWeb(): Promise<WebProcess>;
  worker: BenchProcess;
  redis: BenchProcess;
  redisUrl: string;
  databaseUrl: string;
}

const JWT_SECRET = 'benchmark-benchmark-benchmark-benchmark';
/** Longer than any row takes. */
const TOKEN_MINUTES = 1_440;
/** More than any load uses up. */
const WELCOME_CREDITS = 1_000_000_000;

/** Connections of each process. */
export const DATABASE_POOL_SIZE = 20;

/** How each process of a benchmark is configured: nothing of what is measured is limited. */
export const BENCH_ENV = {
  JWT_SECRET,
  PORT: '0',
  LOG_LEVEL: 'info',
  WORKER_CONCURRENCY: '5000',
  WELCOME_CREDITS: String(WELCOME_CREDITS),
  RATE_LIMITS: 'off',
  MAX_CONCURRENT_GENERATIONS: '10000',
  MAX_CONNECTIONS_PER_USER: '100000',
  ACCESS_TOKEN_MINUTES: String(TOKEN_MINUTES),
  MAX_BODY_BYTES: '10000000',
  DATABASE_POOL_SIZE: String(DATABASE_POOL_SIZE),
  SHUTDOWN_GRACE_MS: '1000',
};

/** How a cluster is made up. */
export interface ClusterOptions {
  webs: number;
  /** An OpenAI-compatible server for the real worker; left out: a worker that writes what the load says by itself. */
  models?: { url: string; goOn: () => void };
}

/** Starts a cluster with an empty database. */
export async function startCluster({ webs, models }: ClusterOptions): Promise<Cluster> {
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

  const openAi = models && {
    OPENAI_API_KEY: 'none',
    OPENAI_BASE_URL: models.url,
    MODEL_SYNC_HOURS: '0',
    TITLE_MODEL: 'off',
  };
  const env = { ...BENCH_ENV, ...openAi, DATABASE_URL: postgres.url, REDIS_URL: redisUrl };
  const worker = await startParley(models ? 'workers/main' : 'bench/support/bench-worker', [], env);
  const web: WebProcess[] = [];
  const startWeb = () => startParley('src/server', ['web'], env);
  for (let n = 0; n < webs; n++) web.push(await startWeb());
  const port = web[0]?.port ?? 0;
  const people: Api[] = [];
  return {
    port,
    pids: [...web, worker, redis].map(({ pid }) => pid),
    goOn: models?.goOn ?? (() => process.kill(worker.pid, 'SIGUSR2')),
    async people(count) {
      const missing = Math.max(0, count - people.length);
      const tokens = { secret: JWT_SECRET, minutes: TOKEN_MINUTES };
      const server = { database, port, tokens, welcomeCredits: WELCOME_CREDITS };
      people.push(...(await openAccounts(missing, server)));
      return people.slice(0, count);
    },
    web,
    startWeb,
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
