import type { Cluster } from '../support/cluster.ts';
import { median, type Row } from '../support/row.ts';
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
  const value = median(long);
  const baseline = median(short);
  const ratio = value / baseline;
  return {
    name: 'text growth: cpu at 1 MB / at 1 kB',
    value,
    unit: 'us',
    baseline,
    ratio,
    target: '<= 1.1',
    ok: ratio <= 1.1,
  };
}
