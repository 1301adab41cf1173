import type { Cluster } from '../support/cluster.ts';
import { median, type Row, ratioRow } from '../support/row.ts';
import { type LoadResult, type LoadRun, runOnBare, runOnParley } from '../support/run-load.ts';

/** Of a load. Two rounds of either system may differ by a quarter on a machine that others use, too. */
const ROUNDS = 5;
/** Of the search for the ceiling, which takes minutes. */
const CEILING_ROUNDS = 3;
const MEASURE_MS = 4_000;
/** Generations with 100 tokens a second each, for the ceiling. */
const STEPS = [100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 2_000];
/** A delivery counts while its slowest hundredth is faster than this, in milliseconds. */
const MAX_P99_MS = 150;

/** Runs a load on both systems, in turns, and hands out the results of each; but for a first round, that compiles the code. */
async function interleaved(
  cluster: Cluster,
  run: LoadRun,
): Promise<{ parley: LoadResult[]; bare: LoadResult[] }> {
  const parley: LoadResult[] = [];
  const bare: LoadResult[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const results = { bare: await runOnBare(run), parley: await runOnParley(cluster, run) };
    if (round === 0) continue;
    bare.push(results.bare);
    parley.push(results.parley);
  }
  return { parley, bare };
}

/** `latency`: what the whole way costs over a bare `room.emit`. */
export async function measureLatency(cluster: Cluster): Promise<Row> {
  const { parley, bare } = await interleaved(cluster, { generations: 200, rate: 50, measureMs: MEASURE_MS });
  const value = median(parley.map(({ p50 }) => p50));
  const baseline = median(bare.map(({ p50 }) => p50));
  const ratio = value - baseline;
  return {
    name: 'latency: p50 at 200 x 50/s (difference)',
    value,
    unit: 'ms',
    baseline,
    ratio,
    target: '<= 0.2 ms',
    ok: ratio <= 0.2 && parley.every(({ wrong }) => wrong === 0),
  };
}

/** `cpu`: web + worker + Redis for each delta, over a bare `room.emit`. */
export async function measureCpu(cluster: Cluster): Promise<Row> {
  const { parley, bare } = await interleaved(cluster, { generations: 400, rate: 50, measureMs: MEASURE_MS });
  const value = median(parley.map(({ cpuPerToken }) => cpuPerToken));
  const baseline = median(bare.map(({ cpuPerToken }) => cpuPerToken));
  return ratioRow({ name: 'cpu per delta at 400 x 50/s', unit: 'us', value, baseline, most: 2.3 });
}

/** `delivery` and `overload`: how much gets through, of how much. */
export async function measureDelivery(cluster: Cluster): Promise<Row[]> {
  const ceilings: { parley: number[]; bare: number[] } = { parley: [], bare: [] };
  const overload: LoadResult[] = [];
  for (let round = 0; round < CEILING_ROUNDS; round++) {
    ceilings.bare.push(await ceiling((run) => runOnBare(run)));
    ceilings.parley.push(await ceiling((run) => runOnParley(cluster, run)));
    overload.push(await runOnParley(cluster, { generations: 1_200, rate: 100, measureMs: MEASURE_MS }));
  }
  return [
    ratioRow({
      name: 'delivery: deltas/s, p99 <= 150 ms',
      unit: '/s',
      value: median(ceilings.parley),
      baseline: median(ceilings.bare),
      least: 1.3,
    }),
    ratioRow({
      name: 'overload: delivered / offered at 1,200 x 100/s',
      unit: 'deltas',
      value: median(overload.map((result) => result.tokens)),
      baseline: median(overload.map((result) => result.offered)),
      least: 0.95,
    }),
  ];
}

/** The most deltas a second before the first step that was not delivered in time. */
async function ceiling(run: (load: LoadRun) => Promise<LoadResult>): Promise<number> {
  let best = 0;
  for (const generations of STEPS) {
    const result = await run({ generations, rate: 100, measureMs: MEASURE_MS });
    if (result.p99 > MAX_P99_MS || result.wrong > 0) break;
    best = Math.max(best, result.rate);
  }
  return best;
}
