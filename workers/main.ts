import { runProcess } from '../src/run-process.ts';
import { startGenerationWorker } from './generation-worker.ts';
import { startMaintenanceWorker } from './maintenance-worker.ts';

await runProcess([
  {
    name: 'worker',
    async start(core) {
      await startMaintenanceWorker(core, await startGenerationWorker(core));
      core.log.info('worker is ready');
    },
  },
]);
