import { runProcess } from '../../src/run-process.ts';
import { startWeb } from '../../src/web-part.ts';
import { startLoadWorker } from './load-provider.ts';

/** Web and worker in one process on the embedded default; writes what a load says. */
await runProcess([async () => startLoadWorker, async () => startWeb]);
