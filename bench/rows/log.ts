import { Redis } from 'ioredis';
import type { Cluster } from '../support/cluster.ts';
import { median, type Row } from '../support/row.ts';
import { openOnParley } from '../support/run-load.ts';

const ROUNDS = 3;
const WRITE_MS = 10_000;
/** Texts of about a thousand deltas: an answer of some length. */
const LOAD = { generations: 100, rate: 100, measureMs: WRITE_MS };

/** `log`: what Redis holds for each delta of a reply that is being written, its text and all that is kept of it. */
export async function measureLog(cluster: Cluster): Promise<Row> {
  const redis = new Redis(cluster.redisUrl);
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round++) values.push(await bytesPerDelta(cluster, redis));
  redis.disconnect();
  const value = median(values);
  return { name: 'log: in Redis for each delta', value, unit: 'bytes', target: '<= 25', ok: value <= 25 };
}

async function bytesPerDelta(cluster: Cluster, redis: Redis): Promise<number> {
  const before = await usedBytes(redis);
  const clients = await openOnParley(cluster, LOAD);
  cluster.goOn();
  await new Promise((resolve) => setTimeout(resolve, WRITE_MS));
  const used = (await usedBytes(redis)) - before;
  const bytes = used / clients.received;
  await clients.ended(LOAD.generations);
  clients.close();
  return bytes;
}

async function usedBytes(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}
