import { parseArgs } from 'node:util';

/** What the command line says. */
export interface Options {
  url: string;
  email?: string;
  password?: string;
  session?: string;
  help: boolean;
}

/** How to call the client. */
export const USAGE = `Talks to a Parley server from the terminal.

  npm run chat -- [--url URL] [--email ADDRESS --password PASSWORD] [--session ID]

  --url       where the server is (http://127.0.0.1:3001)
  --email     who you are; asked for otherwise. An account is opened when there is none
  --password  asked for otherwise, so that it does not show in the list of processes
  --session   goes on with this session; otherwise a new one is opened

Each line of the input is a message; /help lists the commands. Not on a terminal, replies go to the standard
output, all else to the standard error, and the client leaves after the last reply.`;

/** @throws {TypeError} for an option that there is not */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:3001' },
      email: { type: 'string' },
      password: { type: 'string' },
      session: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (!URL.canParse(values.url) || !/^https?:/.test(values.url)) {
    throw new TypeError('--url must be an http:// or https:// URL.');
  }
  return values;
}
