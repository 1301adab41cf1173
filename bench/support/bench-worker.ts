import { runProcess } from '../../src/run-process.ts';
import { startLoadWorker } from './load-provider.ts';

/** A worker process that writes what a load says. */
await runProcess([
  async () => async (core) => {
    await startLoadWorker(core);
    core.log.info({ url: '' }, 'ready');
  },
]);
