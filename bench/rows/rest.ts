import { Agent, request } from 'undici';
import type { Db } from '../../src/data/database.ts';
import { listSessions } from '../../src/data/repositories/sessions.ts';
import type { Api } from '../support/api.ts';
import { type Cluster, DATABASE_POOL_SIZE } from '../support/cluster.ts';
import { startBare } from '../support/processes.ts';
import { median, type Row, ratioRow } from '../support/row.ts';

const ROUNDS = 5;
const MEASURE_MS = 3_000;
/** Requests that are on their way at once. */
const LANES = 32;
/** A page and more. */
const SESSIONS = 30;
const PAGE = 20;

/** `rest`: how often the newest sessions are listed in a second, over bare Koa with the same statement through `pg`. */
export async function measureRest(cluster: Cluster): Promise<Row> {
  const [api] = await cluster.people(1);
  if (!api) throw new Error('no user');
  for (let n = 0; n < SESSIONS; n++) await api.openSession();
  const bare = await startBare('bare-koa', [], {
    DATABASE_URL: cluster.databaseUrl,
    POOL_SIZE: String(DATABASE_POOL_SIZE),
    STATEMENT: JSON.stringify(await statementOf(await userIdOf(cluster.port, api))),
  });
  const url = (port: number) => `http://127.0.0.1:${port}/sessions`;
  const rates: { parley: number[]; bare: number[] } = { parley: [], bare: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const bareRate = await requestsPerSecond(url(bare.port), api.token);
    const rate = await requestsPerSecond(url(cluster.port), api.token);
    if (round === 0) continue;
    rates.bare.push(bareRate);
    rates.parley.push(rate);
  }
  await bare.kill();
  const [value, baseline] = [median(rates.parley), median(rates.bare)];
  return ratioRow({ name: 'rest: GET /sessions', unit: '/s', value, baseline, least: 0.7 });
}

/** What the server asks the database for such a page. */
async function statementOf(userId: string): Promise<{ text: string; values: unknown[] }> {
  let asked: { text: string; values: unknown[] } | undefined;
  const recording = {
    query: async (text: string, values: unknown[]) => {
      asked = { text, values };
      return [];
    },
  };
  await listSessions(recording as unknown as Db, { userId, kind: 'chat', limit: PAGE + 1 });
  if (!asked) throw new Error('nothing was asked');
  return asked;
}

async function userIdOf(port: number, { token }: Api): Promise<string> {
  const answer = await request(`http://127.0.0.1:${port}/auth/me`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await answer.body.json()) as { id: string }).id;
}

async function requestsPerSecond(url: string, token: string): Promise<number> {
  const dispatcher = new Agent({ connections: LANES, pipelining: 1 });
  const headers = { authorization: `Bearer ${token}` };
  const started = performance.now();
  let answered = 0;
  const lane = async () => {
    while (performance.now() - started < MEASURE_MS) {
      const { statusCode, body } = await request(url, { dispatcher, headers });
      await body.dump();
      if (statusCode !== 200) throw new Error(`${url}: ${statusCode}`);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const seconds = (performance.now() - started) / 1_000;
  await dispatcher.close();
  return answered / seconds;
}
