import { type Api, inBatches } from './api.ts';
import { Clients, type Seen } from './clients.ts';
import type { Cluster } from './cluster.ts';
import { cpuUs, startBare } from './processes.ts';
import type { Load } from './token.ts';

/** A load on a system, and for how long it is looked at. */
export interface LoadRun {
  generations: number;
  /** Tokens a second of each generation. */
  rate: number;
  measureMs: number;
  prefixChars?: number;
}

/** What was seen, and what it cost the servers. */
export interface LoadResult extends Seen {
  /** Tokens that should have been delivered in the window. */
  offered: number;
  /** CPU of the servers for each delivered token, in microseconds. */
  cpuPerToken: number;
}

/** Time for a load to settle before it is measured, in milliseconds. */
const SETTLE_MS = 1_500;

/** Longest that starting one more generation takes, on a slow machine, in milliseconds. */
const START_MS = 15;

/** Through web, worker and Redis: the real pipeline. */
export async function runOnParley(cluster: Cluster, run: LoadRun): Promise<LoadResult> {
  const [web] = cluster.web;
  if (!web) throw new Error('no web process');
  const people = await cluster.people(run.generations);
  const sessions = await inBatches(run.generations, async (index) => {
    const api = people[index % people.length] as Api;
    return { api, sessionId: await api.openSession() };
  });
  const clients = new Clients();
  await inBatches(sessions.length, (index) => {
    const { api, sessionId } = sessions[index] as (typeof sessions)[number];
    return clients.add({ port: web.port, auth: { token: api.token }, sessionId });
  });
  const started = Date.now();
  const load: Load = {
    ...loadOf(run),
    durationMs: run.measureMs + 3 * SETTLE_MS + run.generations * START_MS,
  };
  await inBatches(sessions.length, (index) => {
    const { api, sessionId } = sessions[index] as (typeof sessions)[number];
    return api.post('/messages', { sessionId, content: JSON.stringify(load) });
  });
  const pids = [...cluster.web.map(({ pid }) => pid), cluster.worker.pid, cluster.redis.pid];
  const result = await measure(clients, run, pids);
  clients.close();
  await until(started + load.durationMs + 2_000);
  return result;
}

/** Through one bare Socket.IO process. */
export async function runOnBare(run: LoadRun): Promise<LoadResult> {
  const bare = await startBare();
  const rooms = Array.from({ length: run.generations }, (_, index) => `room-${index}`);
  const clients = new Clients();
  await inBatches(rooms.length, (index) => clients.add({ port: bare.port, auth: { room: rooms[index] } }));
  bare.child.send({ rooms, load: { ...loadOf(run), durationMs: run.measureMs + 3 * SETTLE_MS } });
  const result = await measure(clients, run, [bare.pid]);
  clients.close();
  await bare.kill();
  return result;
}

function loadOf({ rate, prefixChars }: LoadRun): Omit<Load, 'durationMs'> {
  return { rate, ...(prefixChars ? { prefixChars } : {}) };
}

async function measure(clients: Clients, run: LoadRun, pids: number[]): Promise<LoadResult> {
  await clients.streaming(run.generations);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = cpuUs(pids);
  const watching = clients.watch(run.measureMs);
  await new Promise((resolve) => setTimeout(resolve, run.measureMs));
  const used = cpuUs(pids) - before;
  const seen = await watching;
  const offered = (run.generations * run.rate * run.measureMs) / 1_000;
  return { ...seen, offered, cpuPerToken: used / seen.tokens };
}

async function until(time: number): Promise<void> {
  const left = time - Date.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}
