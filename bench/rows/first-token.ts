import { Redis } from 'ioredis';
import pg from 'pg';
import { WebSocket } from 'ws';
import { Api } from '../support/api.ts';
import type { Cluster } from '../support/cluster.ts';
import { median, type Row } from '../support/row.ts';

const ROUNDS = 3;
const POSTS = 100;

/** `first token`: from the POST to the first delta, over one commit and one Redis round trip. */
export async function measureFirstToken(cluster: Cluster): Promise<Row> {
  const values: number[] = [];
  const baselines: number[] = [];
  // Code that has not been compiled yet is not what is measured.
  await postToFirstDelta(cluster);
  for (let round = 0; round < ROUNDS; round++) {
    baselines.push(await commitAndRoundTrip(cluster));
    values.push(await postToFirstDelta(cluster));
  }
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

async function postToFirstDelta({ web: [web] }: Cluster): Promise<number> {
  if (!web) throw new Error('no web process');
  const api = await Api.signUp(web.port);
  const sessionId = await api.openSession();
  const reader = await openReader(web.port, api.token, sessionId);
  const times: number[] = [];
  for (let post = 0; post < POSTS; post++) {
    const first = reader.next('message:stream');
    const done = reader.next('message:done');
    const started = performance.now();
    const content = JSON.stringify({ rate: 1_000, durationMs: 3, prefixChars: 10 });
    const answered = api.post('/messages', { sessionId, content });
    await first;
    times.push(performance.now() - started);
    await Promise.all([answered, done]);
  }
  reader.close();
  return median(times);
}

async function commitAndRoundTrip({ databaseUrl, redisUrl }: Cluster): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS bench_commits (id bigserial PRIMARY KEY, text text)');
  const redis = new Redis(redisUrl);
  await redis.ping();
  const times: number[] = [];
  for (let n = 0; n < POSTS; n++) {
    const started = performance.now();
    await client.query("INSERT INTO bench_commits (text) VALUES ('hello')");
    await redis.ping();
    times.push(performance.now() - started);
  }
  await client.end();
  redis.disconnect();
  return median(times);
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
