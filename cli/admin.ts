import { ConfigError, loadConfig } from '../src/base/config.ts';
import { CommandError, parseCommand, USAGE } from './admin/commands.ts';
import { withDatabase } from './admin/with-database.ts';

/**
 * `npm run admin -- grant EMAIL [ROLE] | revoke EMAIL | list`: who may do what, from the machine that Parley runs on; also
 * while it runs. Written down in the audit log, with no actor.
 */
try {
  process.stdout.write(`${await run()}\n`);
} catch (error) {
  process.stderr.write(`${wordsOf(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<string> {
  const command = parseCommand(process.argv.slice(2));
  if (!command) throw new CommandError(USAGE);
  const config = loadConfig();
  return withDatabase(config, (database) => command({ database, defaultRole: config.DEFAULT_ROLE }));
}

/** An AggregateError, as of a refused connection to `localhost`, has no message of its own. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ');
  if (error instanceof CommandError || error instanceof ConfigError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
