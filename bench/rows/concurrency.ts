import { startCluster } from '../support/cluster.ts';
import { startBare } from '../support/processes.ts';
import { median, type Row } from '../support/row.ts';
import { runOnParley } from '../support/run-load.ts';

const ROUNDS = 3;
/** Generations with 50 tokens a second each. */
const STEPS = [200, 300, 400, 500, 600, 700, 800, 900, 1_000, 1_200, 1_600];
const RATE = 50;
const MEASURE_MS = 4_000;
/** What a step holds, in milliseconds. */
const MAX_P50_MS = 10;
const MAX_P99_MS = 60;

/**
 * `concurrency`: how many replies of a model server, each a stream that is read and parsed as OpenAI's, one web and one worker
 * process pass on without falling behind. What the model server and the clients take of the machine is missing to them.
 */
export async function measureConcurrency(): Promise<Row> {
  const models = await startBare('model-server');
  const cluster = await startCluster({
    webs: 1,
    models: { url: `http://127.0.0.1:${models.port}/v1`, goOn: () => void models.child.send('go on') },
  });
  const most: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let held = 0;
    for (const generations of STEPS) {
      const { p50, p99, wrong } = await runOnParley(cluster, {
        generations,
        rate: RATE,
        measureMs: MEASURE_MS,
      });
      if (p50 > MAX_P50_MS || p99 > MAX_P99_MS || wrong > 0) break;
      held = generations;
    }
    most.push(held);
  }
  await cluster.close();
  await models.kill();
  const value = median(most);
  return {
    name: 'concurrency: replies x 50/s, p50 <= 10 ms',
    value,
    unit: '',
    target: '>= 800',
    ok: value >= 800,
  };
}
