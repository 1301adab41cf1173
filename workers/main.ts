import { runProcess } from '../src/run-process.ts';

const worker = async () => (await import('../src/worker-part.ts')).startLoneWorker;

await runProcess([worker]);
