import { Redis } from 'ioredis';
import pg from 'pg';
import { WebSocket } from 'ws';
import { Api } from '../support/api.ts';
import type { Cluster } from '../support/cluster.ts';
import { median, type Row } from '../support/row.ts';

const ROUNDS = 3;
const POSTS = 100;
/** Code that has not been compiled yet is not what is measured. */
const WARM_UP_POSTS = 200;
/** A conversation of a usual length; it is sent along with each post. */
const POSTS_IN_SESSION = 10;

/**
 * `first token`: from the POST to the first delta, over one commit and one Redis round trip. Both in turns, so that the baseline
 * meets the machine as a post meets it: repeated by itself it has warm caches and a busy core, and takes half the time.
 */
export async function measureFirstToken(cluster: Cluster): Promise<Row> {
  const alone = await openAlone(cluster);
  const values: number[] = [];
  const baselines: number[] = [];
  await measureRound(cluster, alone, WARM_UP_POSTS);
  for (let round = 0; round < ROUNDS; round++) {
    const { posts, commits } = await measureRound(cluster, alone, POSTS);
    values.push(median(posts));
    baselines.push(median(commits));
  }
  await alone.close();
  const value = median(values);
  const baseline = median(baselines);
  const ratio = value / baseline;
  return {
    name: 'first token: POST to first delta, p50',
    value,
    unit: 'ms',
    baseline,
    ratio,
    target: '<= 4',
    ok: ratio <= 4,
  };
}

/** How long each post took to its first delta, and each commit with its round trip before it, in milliseconds. */
async function measureRound(
  { web: [web] }: Cluster,
  alone: Alone,
  count: number,
): Promise<{ posts: number[]; commits: number[] }> {
  if (!web) throw new Error('no web process');
  const api = await Api.signUp(web.port);
  const posts: number[] = [];
  const commits: number[] = [];
  while (posts.length < count) {
    const sessionId = await api.openSession();
    const reader = await openReader(web.port, api.token, sessionId);
    for (let n = 0; n < POSTS_IN_SESSION; n++) {
      commits.push(await timeOf(() => alone.commitAndAsk()));
      const first = reader.next('message:stream');
      const done = reader.next('message:done');
      const content = JSON.stringify({ rate: 1_000, durationMs: 3, prefixChars: 10 });
      let answered: Promise<unknown> | undefined;
      const post = () => {
        answered = api.post('/messages', { sessionId, content });
        return first;
      };
      posts.push(await timeOf(post));
      await Promise.all([answered, done]);
    }
    reader.close();
  }
  return { posts, commits };
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** The least that a stored message and a queued job take. */
interface Alone {
  commitAndAsk(): Promise<void>;
  close(): Promise<void>;
}

async function openAlone({ databaseUrl, redisUrl }: Cluster): Promise<Alone> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS bench_commits (id bigserial PRIMARY KEY, text text)');
  const redis = new Redis(redisUrl);
  await redis.ping();
  return {
    async commitAndAsk() {
      await client.query("INSERT INTO bench_commits (text) VALUES ('hello')");
      await redis.ping();
    },
    async close() {
      await client.end();
      redis.disconnect();
    },
  };
}

interface Reader {
  /** Resolves at the next event of that name. */
  next(event: string): Promise<void>;
  close(): void;
}

function openReader(port: number, token: string, sessionId: string): Promise<Reader> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
  const waiting = new Map<string, () => void>();
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      const frame = data.toString();
      if (frame[0] === '2') socket.send('3');
      else if (frame[0] === '0') socket.send(`40/chat,${JSON.stringify({ token })}`);
      else if (frame.startsWith('40/chat,'))
        socket.send(`42/chat,1["join",${JSON.stringify({ sessionId })}]`);
      else if (frame.startsWith('43/chat,1')) {
        resolve({
          next: (event) => new Promise((done) => waiting.set(event, done)),
          close: () => socket.terminate(),
        });
      } else {
        const [, event = ''] = /^42\/chat,\["([^"]+)"/.exec(frame) ?? [];
        waiting.get(event)?.();
        waiting.delete(event);
      }
    });
  });
}
