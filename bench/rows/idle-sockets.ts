import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Api, inBatches } from '../support/api.ts';
import { Clients } from '../support/clients.ts';
import type { Cluster } from '../support/cluster.ts';
import { type BenchProcess, residentBytes, startBare } from '../support/processes.ts';
import { median, type Row, ratioRow } from '../support/row.ts';

const ROUNDS = 3;
const SOCKETS = 4_000;
/** They come before those that count: what is compiled and allocated once is not theirs. */
const WARM_UP_SOCKETS = 500;
/** Of each person, with a session of its own each, as of one with many tabs. */
const SOCKETS_OF_ONE = 4;
/** Time for the process to come to rest, in milliseconds. */
const SETTLE_MS = 3_000;

/** `idle sockets`: what a socket that has joined a session, and hears nothing, holds in memory, over one of bare `ws`. */
export async function measureIdleSockets(cluster: Cluster): Promise<Row> {
  const people = await cluster.people((SOCKETS + WARM_UP_SOCKETS) / SOCKETS_OF_ONE);
  const sessions = await inBatches(SOCKETS + WARM_UP_SOCKETS, async (index) => {
    const api = people[index % people.length] as Api;
    return { auth: { token: api.token }, sessionId: await api.openSession() };
  });
  const parley: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bytesPerSocket(await startBare('bare-ws'), openBareSockets));
    // Memory that was given back stays with its process: each round has one of its own.
    const clients = new Clients();
    const web = await cluster.startWeb();
    const open = (port: number, from: number, to: number) =>
      inBatches(to - from, (index) =>
        clients.add({ port, ...(sessions[from + index] as (typeof sessions)[number]) }),
      );
    parley.push(await bytesPerSocket(web, open));
    clients.close();
  }
  const [value, baseline] = [median(parley) / 1024, median(bare) / 1024];
  return ratioRow({ name: 'idle sockets: resident', unit: 'kB', value, baseline, most: 2.2 });
}

/** Opens the sockets from one index to another. */
type OpenSockets = (port: number, from: number, to: number) => Promise<unknown>;

async function bytesPerSocket(server: BenchProcess & { port: number }, open: OpenSockets): Promise<number> {
  await open(server.port, 0, WARM_UP_SOCKETS);
  const before = await residentAtRest(server.pid);
  await open(server.port, WARM_UP_SOCKETS, WARM_UP_SOCKETS + SOCKETS);
  const bytes = ((await residentAtRest(server.pid)) - before) / SOCKETS;
  await server.kill();
  return bytes;
}

async function residentAtRest(pid: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return residentBytes(pid);
}

async function openBareSockets(port: number, from: number, to: number): Promise<void> {
  await inBatches(to - from, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await once(socket, 'open');
    socket.on('error', () => {}); // Its server is killed.
  });
}
