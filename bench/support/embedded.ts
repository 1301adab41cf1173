import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Api, inBatches } from './api.ts';
import { BENCH_ENV, type Parley } from './cluster.ts';
import { startParley } from './processes.ts';

/** Starts what `npm start` does: one process on the embedded PostgreSQL, without Redis. */
export async function startEmbedded(): Promise<Parley> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-bench-embedded-'));
  const { child, pid, port } = await startParley('bench/support/bench-embedded', [], {
    ...BENCH_ENV,
    DATA_DIR: dataDir,
  });
  const people: Api[] = [];
  return {
    port,
    pids: [pid],
    async people(count) {
      people.push(...(await inBatches(Math.max(0, count - people.length), () => Api.signUp(port))));
      return people.slice(0, count);
    },
    goOn: () => process.kill(pid, 'SIGUSR2'),
    async close() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM'); // Its PostgreSQL ends with it.
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
