/**
 * Runs the embedded PostgreSQL on the directory given as argument, tells how it went in one JSON line
 * (`{ url }` or `{ refused }`), and stays until it is killed or told `stop`.
 */
import { createLogger } from '../../src/base/logger.ts';
import { startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';

const [dataDir = ''] = process.argv.slice(2);
const log = createLogger({ level: 'silent', pretty: false });
try {
  const { url, stop } = await startEmbeddedPostgres({ dataDir, log });
  console.log(JSON.stringify({ url }));
  process.stdin.once('data', () => void stop().then(() => process.exit(0)));
} catch (error) {
  console.log(JSON.stringify({ refused: String(error) }));
}
