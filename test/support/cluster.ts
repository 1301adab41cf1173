import { createTestDatabase, type TestDatabase } from './database.ts';
import { atEndOfRun } from './global.ts';
import { type ParleyProcess, type ProcessEnv, startWeb, startWorker } from './processes.ts';
import { type ProviderWireServer, startProviderWireServer } from './provider-wire-server.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** How many processes, and their variables. */
export interface ClusterShape {
  webs: number;
  workers: number;
  /** For all of them. */
  env?: ProcessEnv;
}

interface ClusterParts {
  database: TestDatabase;
  redis: TestRedis;
  provider: ProviderWireServer;
  env: ProcessEnv;
}

/** Real web and worker processes on a Redis and a database of their own. */
export class Cluster {
  readonly database: TestDatabase;
  /** What serves OpenAI's models; everything else is `echo`. */
  readonly provider: ProviderWireServer;
  redis: TestRedis;
  readonly #webs: ParleyProcess[] = [];
  readonly #workers: ParleyProcess[] = [];
  readonly #env: ProcessEnv;

  private constructor({ database, redis, provider, env }: ClusterParts) {
    this.database = database;
    this.provider = provider;
    this.redis = redis;
    this.#env = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      OPENAI_API_KEY: 'none',
      OPENAI_BASE_URL: `${provider.url}/v1`,
      // Its models are those of the snapshot.
      MODEL_SYNC_HOURS: '0',
      DEFAULT_MODEL: 'echo',
      JWT_SECRET: 'a secret of the journeys, long enough to be one',
      DATABASE_POOL_SIZE: '6',
      RATE_LIMITS: 'off',
      // Models of OpenAI are paid ones.
      DEFAULT_ROLE: 'premium',
      MAX_CONCURRENT_GENERATIONS: '1000',
      MAX_CONNECTIONS_PER_USER: '10000',
      WELCOME_CREDITS: '1000000',
      SHUTDOWN_GRACE_MS: '500',
      ECHO_TOKENS_PER_SECOND: '400',
      ...env,
    };
  }

  /** Resolves when all of it is ready. */
  static async start({ webs, workers, env = {} }: ClusterShape): Promise<Cluster> {
    const [database, redis, provider] = await Promise.all([
      createTestDatabase(),
      startRedis(),
      startProviderWireServer(),
    ]);
    const cluster = new Cluster({ database, redis, provider, env });
    await Promise.all([
      ...Array.from({ length: webs }, () => cluster.addWeb()),
      ...Array.from({ length: workers }, () => cluster.addWorker()),
    ]);
    return cluster;
  }

  /** One of the web processes, in the order in which they were started. */
  web(index: number): ParleyProcess {
    return at(this.#webs, index);
  }

  /** One of the workers, in the order in which they were started. */
  worker(index: number): ParleyProcess {
    return at(this.#workers, index);
  }

  async addWeb(env: ProcessEnv = {}): Promise<ParleyProcess> {
    const web = await startWeb({ ...this.#env, ...env });
    this.#webs.push(web);
    return web;
  }

  async addWorker(env: ProcessEnv = {}): Promise<ParleyProcess> {
    const worker = await startWorker({ ...this.#env, ...env });
    this.#workers.push(worker);
    return worker;
  }

  /** Starts a web process in the place of one that has ended. */
  async replaceWeb(index: number): Promise<void> {
    this.#webs[index] = await startWeb(this.#env);
  }

  /** Lets Redis hang, or go on. */
  signalRedis(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.redis.pid ?? 0, signal);
  }

  /** `kill -9` for Redis. Its data is gone. */
  async killRedis(): Promise<void> {
    await this.redis.close();
  }

  /** Starts Redis again where it was. */
  async restartRedis(): Promise<void> {
    this.redis = await startRedis(Number(new URL(this.redis.url).port));
  }

  /** What the processes wrote last. */
  get output(): string {
    return [...this.#webs, ...this.#workers].map((each) => each.output).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all([...this.#webs, ...this.#workers].map((each) => each.kill()));
    await Promise.all([this.redis.close(), this.database.close(), this.provider.close()]);
  }
}

/** Gives the tests of this `describe` a cluster of their own; its output is printed when one of them fails. */
export function useCluster(shape: ClusterShape): () => Cluster {
  const cluster = hold(() => Cluster.start(shape));
  after(() => cluster().close());
  return cluster;
}

/**
 * Gives the tests of this `describe` a cluster that serves the whole run, started when the first asks for it: two web
 * processes and two workers. Nothing in it may be broken.
 */
export const useSharedCluster = shareCluster({ webs: 2, workers: 2 });

/** As {@link useSharedCluster}, with one worker, for faults: what a test breaks, it makes whole again. */
export const useFaultCluster = shareCluster({ webs: 2, workers: 1 });

function shareCluster(shape: ClusterShape): () => () => Cluster {
  let shared: Promise<Cluster> | undefined;
  const start = () => {
    shared ??= Cluster.start(shape).then((cluster) => {
      atEndOfRun(() => cluster.close());
      return cluster;
    });
    return shared;
  };
  return () => hold(start);
}

function hold(start: () => Promise<Cluster>): () => Cluster {
  let cluster: Cluster | undefined;
  before(async function () {
    this.timeout(60_000);
    cluster = await start();
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(cluster?.output);
  });
  return () => {
    if (!cluster) throw new Error('The cluster starts in a before hook; it is not there yet.');
    return cluster;
  };
}

function at(processes: ParleyProcess[], index: number): ParleyProcess {
  const found = processes[index];
  if (!found) throw new Error(`there are only ${processes.length} of these processes`);
  return found;
}
