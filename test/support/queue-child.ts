/**
 * Consumes generations of the queue given as argument, one at once, and never finishes any: it says `ready`, then
 * the id of each that it was given, a line each, and stays until it is killed.
 */
import { createLogger } from '../../src/base/logger.ts';
import { startGenerationConsumer } from '../../src/queue/generation-consumer.ts';
import type { QueueBackend } from '../../src/queue/queue-backend.ts';

const [kind = '', url = ''] = process.argv.slice(2);
const backend: QueueBackend = { kind: kind === 'redis' ? 'redis' : 'postgres', url };
await startGenerationConsumer({
  backend,
  concurrency: 1,
  log: createLogger({ level: 'silent', pretty: false }),
  run: ({ generationId }) => {
    console.log(generationId);
    return new Promise(() => {});
  },
});
console.log('ready');
