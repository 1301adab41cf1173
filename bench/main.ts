import { measureProviderParse } from './provider-parse.ts';
import { measureConcurrency } from './rows/concurrency.ts';
import { measureCpu, measureDelivery, measureLatency } from './rows/delivery.ts';
import { measureEmbedded } from './rows/embedded.ts';
import { measureFirstToken } from './rows/first-token.ts';
import { measureIdleSockets } from './rows/idle-sockets.ts';
import { measureLog } from './rows/log.ts';
import { measureReconnects } from './rows/reconnects.ts';
import { measureRest } from './rows/rest.ts';
import { measureStart } from './rows/start.ts';
import { measureTextGrowth } from './rows/text-growth.ts';
import { type Cluster, startCluster } from './support/cluster.ts';
import { lineOf, type Row, TABLE_HEAD } from './support/row.ts';

/**
 * `npm run bench [row...]`: measures the real pipeline against bare baselines, interleaved, in one run. Needs
 * Linux and redis-server. Figures of one machine mean nothing elsewhere; the ratios do.
 */
const ROWS: Record<string, (cluster: () => Promise<Cluster>) => Promise<Row[]>> = {
  latency: async (cluster) => [await measureLatency(await cluster())],
  cpu: async (cluster) => [await measureCpu(await cluster())],
  delivery: async (cluster) => measureDelivery(await cluster()),
  'first-token': async (cluster) => measureFirstToken(await cluster()),
  embedded: async (cluster) => measureEmbedded(await cluster()),
  'text-growth': async (cluster) => [await measureTextGrowth(await cluster())],
  log: async (cluster) => [await measureLog(await cluster())],
  rest: async (cluster) => [await measureRest(await cluster())],
  'idle-sockets': async (cluster) => [await measureIdleSockets(await cluster())],
  'provider-parse': () => measureProviderParse(),
  start: async () => [await measureStart()],
  concurrency: async () => {
    await closeSingle();
    return [await measureConcurrency()];
  },
  reconnects: measureOverTwo,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in ROWS));
if (unknown.length > 0)
  throw new Error(`No row ${unknown.join(', ')}. Rows: ${Object.keys(ROWS).join(', ')}`);

let single: Promise<Cluster> | undefined;
const rows: Row[] = [];
console.log(TABLE_HEAD);
for (const [name, measure] of Object.entries(ROWS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const measured = await measure(() => {
    single ??= startCluster({ webs: 1 });
    return single;
  });
  for (const row of measured) console.log(lineOf(row));
  rows.push(...measured);
}
await (await single)?.close();
process.exit(rows.every(({ ok }) => ok) ? 0 : 1);

async function closeSingle(): Promise<void> {
  await (await single)?.close();
  single = undefined;
}

async function measureOverTwo(): Promise<Row[]> {
  await closeSingle();
  const cluster = await startCluster({ webs: 2 });
  const row = await measureReconnects(cluster);
  await cluster.close();
  return [row];
}
