import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The way of a post to its first delta with nothing of Parley on it, as two processes: `web` stores a row and queues a job,
 * `worker` claims the row and publishes, `web` passes that on to a WebSocket. Nobody is asked who they are, nothing is
 * checked, there is no session and no context. No product on these parts is faster.
 */
const { DATABASE_URL = '', REDIS_URL = '' } = process.env;
const QUEUE = 'bare-path';
const CHANNEL = 'bare-path';

async function web(): Promise<void> {
  const client = await openDatabase();
  await client.query(
    'CREATE TABLE IF NOT EXISTS bare_posts (id bigserial PRIMARY KEY, content text, attempt int DEFAULT 0)',
  );
  const queue = new Queue<{ id: string }>(QUEUE, { connection: openRedis() });
  await queue.waitUntilReady();

  let reader: WebSocket | undefined;
  const subscriber = openRedis();
  subscriber.on('message', (_channel, delta: string) => reader?.send(delta));
  await subscriber.subscribe(CHANNEL);

  const insert = { name: 'insert', text: 'INSERT INTO bare_posts (content) VALUES ($1) RETURNING id' };
  const server = createServer(async (request, response) => {
    let content = '';
    for await (const chunk of request) content += String(chunk);
    const [post] = (await client.query<{ id: string }>({ ...insert, values: [content] })).rows;
    if (post) await queue.add('reply', post, { removeOnComplete: true });
    response.end(JSON.stringify(post));
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    reader = socket;
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

async function worker(): Promise<void> {
  const client = await openDatabase();
  await client.query('SET synchronous_commit = off'); // As the first claim of a generation: decision 0017.
  const redis = openRedis();
  const update = {
    name: 'claim',
    text: 'UPDATE bare_posts SET attempt = 1 WHERE id = $1 AND attempt = 0 RETURNING content',
  };
  const jobs = new Worker<{ id: string }>(
    QUEUE,
    async ({ data: { id } }) => {
      await client.query({ ...update, values: [id] });
      await redis.publish(CHANNEL, 'x'.repeat(10));
    },
    { connection: openRedis(), concurrency: 100 },
  );
  await jobs.waitUntilReady();
  process.send?.({ port: 0 });
}

async function openDatabase(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  return client;
}

function openRedis(): Redis {
  return new Redis(REDIS_URL, { maxRetriesPerRequest: null });
}

await (process.argv[2] === 'web' ? web() : worker());
