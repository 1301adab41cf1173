import type { AddressInfo } from 'node:net';
import { startGenerationWorker } from '../workers/generation-worker.ts';
import { startMaintenanceWorker } from '../workers/maintenance-worker.ts';
import type { Core } from './compose.ts';
import { composeWeb } from './compose-web.ts';
import { type ProcessPart, runProcess } from './run-process.ts';

/** `node server.js`: web and worker in one process. `node server.js web`: web alone. */
const webOnly = process.argv[2] === 'web';

const web: ProcessPart = { name: 'web', start: startWeb };
const worker: ProcessPart = {
  name: 'worker',
  async start(core) {
    await startMaintenanceWorker(core, await startGenerationWorker(core));
  },
};

await runProcess(webOnly ? [web] : [worker, web]);

async function startWeb(core: Core): Promise<void> {
  const { config, log } = core;
  const server = await composeWeb(core);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.PORT, config.HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  log.info(
    { port, url: `http://${config.HOST}:${port}` },
    `Parley is ready at http://${config.HOST}:${port}`,
  );
}
