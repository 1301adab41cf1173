import { runProcess } from './run-process.ts';

/** `node server.js`: web and worker in one process. `node server.js web`: web alone. */
const [part, ...more] = process.argv.slice(2);
if ((part !== undefined && part !== 'web') || more.length > 0) {
  // Not taken for "all in one": that is more than whoever mistyped a part has asked for.
  process.stderr.write(
    'Usage: server.js [web]. Without `web` it is web and worker in one; a worker is workers/main.js.\n',
  );
  process.exit(1);
}

const web = async () => (await import('./web-part.ts')).startWeb;
const worker = async () => (await import('./worker-part.ts')).startWorker;

await runProcess(part === 'web' ? [web] : [worker, web]);
