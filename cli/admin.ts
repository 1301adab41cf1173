import { loadConfig } from '../src/base/config.ts';
import { failureWords } from '../src/base/failure-words.ts';
import { CommandError, parseCommand, USAGE } from './admin/commands.ts';
import { withDatabase } from './admin/with-database.ts';

/**
 * `npm run admin -- grant EMAIL [ROLE] | revoke EMAIL | list`: who may do what, from the machine that Parley runs on; also
 * while it runs. Written down in the audit log, with no actor.
 */
try {
  process.stdout.write(`${await run()}\n`);
} catch (error) {
  process.stderr.write(`${failureWords(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<string> {
  const command = parseCommand(process.argv.slice(2));
  if (!command) throw new CommandError(USAGE);
  const config = loadConfig();
  return withDatabase(config, (database) => command({ database, defaultRole: config.DEFAULT_ROLE }));
}
