import { type Api, inBatches } from './api.ts';
import { Clients, type Seen } from './clients.ts';
import type { Parley } from './cluster.ts';
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

/** Through web, worker and Redis: the real pipeline. */
export async function runOnParley(parley: Parley, run: LoadRun): Promise<LoadResult> {
  const clients = await openOnParley(parley, run);
  const result = await measure(clients, run, { pids: parley.pids, go: () => parley.goOn() });
  await clients.ended(run.generations);
  clients.close();
  return result;
}

/**
 * Opens a load on the real pipeline: a session, a client and a generation of each person. Resolves when all of them have given
 * their first token; they wait then, see {@link Parley}.
 */
export async function openOnParley(parley: Parley, run: LoadRun): Promise<Clients> {
  const people = await parley.people(run.generations);
  const sessions = await inBatches(run.generations, async (index) => {
    const api = people[index % people.length] as Api;
    return { api, sessionId: await api.openSession() };
  });
  const clients = new Clients();
  await inBatches(sessions.length, (index) => {
    const { api, sessionId } = sessions[index] as (typeof sessions)[number];
    return clients.add({ port: parley.port, auth: { token: api.token }, sessionId });
  });
  const load: Load = { ...loadOf(run), waits: true };
  await inBatches(sessions.length, (index) => {
    const { api, sessionId } = sessions[index] as (typeof sessions)[number];
    return api.post('/messages', { sessionId, content: JSON.stringify(load) });
  });
  await clients.streaming(run.generations);
  return clients;
}

/** Through one bare Socket.IO process. */
export async function runOnBare(run: LoadRun): Promise<LoadResult> {
  const bare = await startBare('bare-server');
  const rooms = Array.from({ length: run.generations }, (_, index) => `room-${index}`);
  const clients = new Clients();
  await inBatches(rooms.length, (index) => clients.add({ port: bare.port, auth: { room: rooms[index] } }));
  const go = () => void bare.child.send({ rooms, load: loadOf(run) });
  const result = await measure(clients, run, { pids: [bare.pid], go });
  clients.close();
  await bare.kill();
  return result;
}

function loadOf({ rate, prefixChars, measureMs }: LoadRun): Load {
  return { rate, durationMs: measureMs + 3 * SETTLE_MS, ...(prefixChars ? { prefixChars } : {}) };
}

/** What is measured, and how its load begins once everything is connected. */
interface Measured {
  pids: number[];
  go: () => void;
}

async function measure(clients: Clients, run: LoadRun, { pids, go }: Measured): Promise<LoadResult> {
  go();
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
