import { once } from 'node:events';
import { Redis } from 'ioredis';
import pg from 'pg';
import { WebSocket } from 'ws';
import { Api } from '../support/api.ts';
import type { Cluster } from '../support/cluster.ts';
import { startBare } from '../support/processes.ts';
import { median, type Row } from '../support/row.ts';

const ROUNDS = 3;
const POSTS = 100;
/** Code that is not compiled yet is not what is measured: after 200 posts, a tenth of the time is still that. */
const WARM_UP_POSTS = 1_000;
/** A conversation of a usual length; it is sent along with each post. */
const POSTS_IN_SESSION = 10;

/**
 * `first token`: from the POST to the first delta, over one commit and one Redis round trip. Both in turns, so that the baseline
 * meets the machine as a post meets it: repeated by itself it has warm caches and a busy core, and takes half the time.
 * A second row says what the same hops take with nothing of Parley on them.
 */
export async function measureFirstToken(cluster: Cluster): Promise<Row[]> {
  const alone = await openAlone(cluster);
  const bare = await openBarePath(cluster);
  const values: number[] = [];
  const bareValues: number[] = [];
  const baselines: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const count = round === 0 ? WARM_UP_POSTS : POSTS;
    const { posts, commits } = await measureRound(cluster, alone, count);
    const barePosts = await measureBareRound(bare, alone, count);
    if (round === 0) continue;
    values.push(median(posts));
    bareValues.push(median(barePosts));
    baselines.push(median(commits));
  }
  await Promise.all([alone.close(), bare.close()]);
  const baseline = median(baselines);
  const row = { unit: 'ms', baseline };
  const value = median(values);
  const bareValue = median(bareValues);
  const ratio = value / baseline;
  return [
    { ...row, name: 'first token: POST to first delta, p50', value, ratio, target: '<= 4', ok: ratio <= 4 },
    {
      ...row,
      name: 'first token: the same hops, bare, p50',
      value: bareValue,
      ratio: bareValue / baseline,
      target: '-',
      ok: true,
    },
  ];
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

async function measureBareRound(bare: BarePath, alone: Alone, count: number): Promise<number[]> {
  const posts: number[] = [];
  while (posts.length < count) {
    // Between two of them, as between two posts, the machine does something else.
    await alone.commitAndAsk();
    let answered: Promise<unknown> | undefined;
    const post = () => {
      const first = bare.next();
      answered = bare.post();
      return first;
    };
    posts.push(await timeOf(post));
    await answered;
  }
  return posts;
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** What `bare-path.ts` runs, as a client sees it. */
interface BarePath {
  post(): Promise<unknown>;
  /** Resolves with the next delta. */
  next(): Promise<unknown>;
  close(): Promise<void>;
}

async function openBarePath({ databaseUrl, redisUrl }: Cluster): Promise<BarePath> {
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
  const web = await startBare('bare-path', ['web'], env);
  const worker = await startBare('bare-path', ['worker'], env);
  const url = `http://127.0.0.1:${web.port}`;
  const socket = new WebSocket(url);
  await once(socket, 'open');
  return {
    async post() {
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ content: 'hello' }) });
      await answer.text();
    },
    next: () => once(socket, 'message'),
    async close() {
      socket.terminate();
      await Promise.all([web.kill(), worker.kill()]);
    },
  };
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
