import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { Redis } from 'ioredis';
import { atEndOfRun } from './global.ts';

/** What a test run has of Redis. */
const AVAILABLE =
  Boolean(process.env.TEST_REDIS_URL) || spawnSync('redis-server', ['--version']).status === 0;
/** CI sets this, so that a run without Redis fails instead of passing with half of its tests. */
const REQUIRED = process.env.TEST_REQUIRE_REDIS === '1';

if (!AVAILABLE) {
  const sentence =
    'NO REDIS: the Redis suites are left out. Install redis-server (7+) or set TEST_REDIS_URL.';
  if (REQUIRED) throw new Error(sentence);
  process.stderr.write(`\n*** ${sentence} ***\n\n`);
}

/** A `describe` that runs where there is Redis, and is shown as pending where there is none. */
export const describeWithRedis: Mocha.PendingSuiteFunction | Mocha.SuiteFunction = AVAILABLE
  ? describe
  : describe.skip;

/** A redis-server of the test's own: to be paused, flushed, killed. */
export interface TestRedis {
  readonly url: string;
  /** The process; undefined for a server that was given by `TEST_REDIS_URL`. */
  readonly pid: number | undefined;
  close(): Promise<void>;
}

let shared: Promise<TestRedis> | undefined;

/** The URL of one Redis for the whole run; tests tell their data apart by ids. Only where there is Redis. */
export async function redisUrl(): Promise<string> {
  shared ??= process.env.TEST_REDIS_URL
    ? Promise.resolve({ url: process.env.TEST_REDIS_URL, pid: undefined, close: async () => {} })
    : startRedis().then((redis) => {
        atEndOfRun(() => redis.close());
        return redis;
      });
  return (await shared).url;
}

/** Starts a redis-server without files, on a spare port unless told which: that of one that was closed. */
export async function startRedis(port?: number): Promise<TestRedis> {
  port ??= await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await Promise.race([
    client.ping(),
    exited.then(([code]) => Promise.reject(new Error(`redis-server ended with ${String(code)}`))),
  ]);
  client.disconnect();
  return {
    url,
    pid: child.pid,
    async close() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * A port that nobody listens on at this moment. It is below those that the system gives to connections: one of these could take it
 * before its server starts, or while that is away; not even a client that tries to reach the server is connected to itself.
 */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  for (;;) {
    const port = randomInt(10_000, 32_768);
    server.listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
