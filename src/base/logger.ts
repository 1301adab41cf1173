import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, pino } from 'pino';
import { describeFailure } from './describe-failure.ts';

export type { Logger } from 'pino';

/** What the logger needs of the configuration. */
export interface LoggerOptions {
  level: string;
  /** JSON lines in production, readable lines (when pino-pretty is installed) elsewhere. */
  pretty: boolean;
  /** Where the lines go, if not to standard output. */
  destination?: DestinationStream;
}

/** Fields that never reach a log, wherever they stand in a logged object. */
const SECRET_FIELDS = [
  'password',
  'token',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'apiKey',
];

/** Of the packages that are for development: an image, for one, is without them. */
const PRETTY = 'pino-pretty';

/** The one logger of a process. Ids and numbers go in; contents and secrets do not. */
export function createLogger({ level, pretty, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    serializers: { err: (error: unknown) => describeFailure(error) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    ...(pretty && isInstalled(PRETTY) ? { transport: prettyTransport() } : {}),
  };
  return destination ? pino(options, destination) : pino(options);
}

function prettyTransport() {
  return {
    target: PRETTY,
    options: { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true },
  };
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
