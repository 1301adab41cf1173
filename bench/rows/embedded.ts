import type { Cluster, Parley } from '../support/cluster.ts';
import { startEmbedded } from '../support/embedded.ts';
import { median, type Row, ratioRow } from '../support/row.ts';
import { runOnParley } from '../support/run-load.ts';
import { measurePosts } from './first-token.ts';

const ROUNDS = 3;
const POSTS = 100;
/** See the row `first token`. */
const WARM_UP_POSTS = 1_000;
/** As of the row `latency`. */
const LOAD = { generations: 200, rate: 50, measureMs: 4_000 };

/** `embedded`: first token and latency of one process without Redis, over those of processes of their own on Redis. */
export async function measureEmbedded(cluster: Cluster): Promise<Row[]> {
  const embedded = await startEmbedded();
  const both = { embedded, cluster };
  const firstToken = await inTurns(both, async (parley, round) =>
    median(await measurePosts(parley, round === 0 ? WARM_UP_POSTS : POSTS, async () => {})),
  );
  const latency = await inTurns(both, async (parley) => (await runOnParley(parley, LOAD)).p50);
  await embedded.close();
  return [rowOf('first token, p50', firstToken), rowOf('latency, p50 at 200 x 50/s', latency)];
}

interface Both<T> {
  embedded: T;
  cluster: T;
}

/** Medians of some rounds, but for the first, which compiles the code. */
async function inTurns(
  { embedded, cluster }: Both<Parley>,
  measure: (parley: Parley, round: number) => Promise<number>,
): Promise<Both<number>> {
  const rounds: Both<number>[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    rounds.push({ embedded: await measure(embedded, round), cluster: await measure(cluster, round) });
  }
  const middle = (of: keyof Both<number>) => median(rounds.slice(1).map((each) => each[of]));
  return { embedded: middle('embedded'), cluster: middle('cluster') };
}

function rowOf(what: string, { embedded: value, cluster: baseline }: Both<number>): Row {
  return ratioRow({ name: `embedded: ${what}`, unit: 'ms', value, baseline, most: 1.5 });
}
