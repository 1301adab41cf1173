import { createLogger } from '../../src/base/logger.ts';
import { startTestPostgres } from './test-postgres.ts';

/** A logger that says nothing. */
export const silentLog = createLogger({ level: 'silent', pretty: false });

/** How soon after the last test nothing may be open any more, in milliseconds. */
const LEFT_OPEN_MS = 10_000;

const closing: (() => Promise<unknown>)[] = [];

/** Closes something at the end of the whole run, in reverse order. */
export function atEndOfRun(close: () => Promise<unknown>): void {
  closing.push(close);
}

let server: Promise<string> | undefined;

/**
 * The URL of a PostgreSQL superuser: `TEST_DATABASE_URL`, which `npm test` sets for all of its parts, or else that of an
 * embedded PostgreSQL, started when the first test asks for it.
 */
export function postgresUrl(): Promise<string> {
  server ??= process.env.TEST_DATABASE_URL ? Promise.resolve(process.env.TEST_DATABASE_URL) : startServer();
  return server;
}

async function startServer(): Promise<string> {
  const postgres = await startTestPostgres();
  atEndOfRun(() => postgres.close());
  return postgres.url;
}

// Every test file is loaded into mocha's root suite, so this hook runs once, after all of them.
after(async () => {
  for (let close = closing.pop(); close; close = closing.pop()) await close();
  // Mocha does not end the process: what is left open by a test or by the product would keep it for ever.
  setTimeout(() => {
    process.stderr.write(
      `\n*** Left open after all tests: ${process.getActiveResourcesInfo().join(', ')} ***\n`,
    );
    process.exit(1);
  }, LEFT_OPEN_MS).unref();
});
