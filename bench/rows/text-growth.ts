import type { Cluster } from '../support/cluster.ts';
import { median, type Row, ratioRow } from '../support/row.ts';
import { runOnParley } from '../support/run-load.ts';

const ROUNDS = 3;

/** `text growth`: what a delta costs when a megabyte stands before it. */
export async function measureTextGrowth(cluster: Cluster): Promise<Row> {
  const short: number[] = [];
  const long: number[] = [];
  const load = { generations: 50, rate: 100, measureMs: 5_000 };
  for (let round = 0; round < ROUNDS; round++) {
    short.push((await runOnParley(cluster, { ...load, prefixChars: 1_000 })).cpuPerToken);
    long.push((await runOnParley(cluster, { ...load, prefixChars: 1_000_000 })).cpuPerToken);
  }
  const [value, baseline] = [median(long), median(short)];
  return ratioRow({ name: 'text growth: cpu at 1 MB / at 1 kB', unit: 'us', value, baseline, most: 1.1 });
}
