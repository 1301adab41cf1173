import { once } from 'node:events';
import { Redis } from 'ioredis';
import pg from 'pg';
import { WebSocket } from 'ws';
import { Api } from '../support/api.ts';
import type { Cluster, Parley } from '../support/cluster.ts';
import { startBare } from '../support/processes.ts';
import { median, type Row, ratioRow } from '../support/row.ts';

const ROUNDS = 3;
const POSTS = 100;
/** Code that is not compiled yet is not what is measured: after 200 posts, a tenth of the time is still that. */
const WARM_UP_POSTS = 1_000;
/** A conversation of a usual length; it is sent along with each post. */
const POSTS_IN_SESSION = 10;

/** A disk of a virtual machine or of a server without a battery takes as much longer than the quickest ones, in microseconds. */
const SLOWER_COMMIT_US = 400;

/**
 * `first token`: from the POST to the first delta, over one commit and one Redis round trip. Both in turns, so that the baseline
 * meets the machine as a post meets it: repeated by itself it has warm caches and a busy core, and takes half the time.
 *
 * Two further rows tell what the ratio depends on, as the commit is nearly all of what it is divided by: what the same hops take
 * with nothing of Parley on them, and the same where a commit takes longer.
 */
export async function measureFirstToken(cluster: Cluster): Promise<Row[]> {
  const alone = await openAlone(cluster);
  const bare = await openBarePath(cluster);
  const path = { cluster, alone, bare };
  await measureRound(path, WARM_UP_POSTS);
  const here = await measureRounds(path);
  await alone.delayCommits(SLOWER_COMMIT_US);
  const slower = await measureRounds(path);
  await alone.delayCommits(0);
  await Promise.all([alone.close(), bare.close()]);
  const row = (what: string) => ({ name: `first token: ${what}`, unit: 'ms' });
  return [
    ratioRow({ ...row('POST to first delta, p50'), value: here.posts, baseline: here.commits, most: 4 }),
    ratioRow({ ...row('the same hops, bare, p50'), value: here.barePosts, baseline: here.commits }),
    ratioRow({
      ...row(`with commits of ${SLOWER_COMMIT_US} us more`),
      value: slower.posts,
      baseline: slower.commits,
    }),
  ];
}

/** What is measured, and what beside it. */
interface MeasuredPath {
  cluster: Cluster;
  alone: Alone;
  bare: BarePath;
}

/** Medians, in milliseconds. */
interface Times {
  posts: number;
  barePosts: number;
  commits: number;
}

async function measureRounds(path: MeasuredPath): Promise<Times> {
  const rounds: Times[] = [];
  while (rounds.length < ROUNDS) rounds.push(await measureRound(path, POSTS));
  const middle = (name: keyof Times) => median(rounds.map((round) => round[name]));
  return { posts: middle('posts'), barePosts: middle('barePosts'), commits: middle('commits') };
}

async function measureRound({ cluster, alone, bare }: MeasuredPath, count: number): Promise<Times> {
  const commits: number[] = [];
  const between = async () => void commits.push(await timeOf(() => alone.commitAndAsk()));
  const posts = await measurePosts(cluster, count, between);
  const barePosts = await measureBarePosts(bare, alone, count);
  return { posts: median(posts), barePosts: median(barePosts), commits: median(commits) };
}

/**
 * How long each of some posts took to its first delta, in milliseconds.
 *
 * @param between done before each of them
 */
export async function measurePosts(
  { port }: Parley,
  count: number,
  between: () => Promise<void>,
): Promise<number[]> {
  const api = await Api.signUp(port);
  const posts: number[] = [];
  while (posts.length < count) {
    const sessionId = await api.openSession();
    const reader = await openReader(port, api.token, sessionId);
    for (let n = 0; n < POSTS_IN_SESSION; n++) {
      await between();
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
  return posts;
}

async function measureBarePosts(bare: BarePath, alone: Alone, count: number): Promise<number[]> {
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
  /** Makes each commit of this PostgreSQL wait for so long before it is written to disk, in microseconds. */
  delayCommits(us: number): Promise<void>;
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
    async delayCommits(us) {
      await client.query('ALTER SYSTEM SET commit_siblings = 0');
      await client.query(`ALTER SYSTEM SET commit_delay = ${us}`);
      await client.query('SELECT pg_reload_conf()');
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
