import { ConfigError, loadConfig } from '../src/base/config.ts';
import { failureWords } from '../src/base/failure-words.ts';
import { openDatabase } from '../src/data/database.ts';
import { migrate } from '../src/data/migrate.ts';

/**
 * `npm run migrate`: brings the schema of `DATABASE_URL` up to date, before the processes of a new version start.
 * The migrations run under a lock, so that it does not matter how many of these run at once.
 */
try {
  process.stdout.write(`${await run()}\n`);
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : `The migration failed: ${failureWords(error)}`}\n`,
  );
  process.exitCode = 1;
}

async function run(): Promise<string> {
  // Whoever asks for `--help`, or for the way back, does not want to be migrated.
  if (process.argv.length > 2) {
    throw new ConfigError(
      'npm run migrate takes no arguments: it brings the schema of DATABASE_URL up to date. ' +
        '`npm run typeorm -- migration:revert` takes the newest migration back.',
    );
  }
  const { DATABASE_URL: url } = loadConfig();
  if (!url) {
    throw new ConfigError(
      'DATABASE_URL is not set: give the URL of your PostgreSQL. The embedded one is migrated by `npm start`.',
    );
  }
  // One connection holds the lock, another works.
  const database = await openDatabase({ url, poolSize: 2 });
  try {
    const names = await migrate(database);
    return names.length === 0
      ? 'The schema is up to date.'
      : `Migrated:\n${names.map((name) => `  ${name}`).join('\n')}`;
  } finally {
    await database.close();
  }
}
