import { runProcess } from './run-process.ts';

/** `node server.js`: web and worker in one process. `node server.js web`: web alone. */
const webOnly = process.argv[2] === 'web';

const web = async () => (await import('./web-part.ts')).startWeb;
const worker = async () => (await import('./worker-part.ts')).startWorker;

await runProcess(webOnly ? [web] : [worker, web]);
