import { z } from 'zod';
import { withAliases } from './config-aliases.ts';
import { unknownProvider } from './config-models.ts';
import { configShape } from './config-schema.ts';
import { inWords } from './validation.ts';

type Parsed = z.infer<z.ZodObject<typeof configShape>>;

/** The checked configuration. Parsed once, before anything opens, and handed in; nobody else reads the environment. */
export interface Config extends Readonly<Parsed> {
  /** `NODE_ENV` is `production`. */
  readonly production: boolean;
}

/** A wrong or missing variable; the message names each with what it should be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration from an environment (`process.env` unless told otherwise). Blanks around a value are no part of it:
 * a secret that is mounted from a file ends in a line break. An empty variable counts as not set.
 *
 * @throws {ConfigError} naming every variable that is wrong
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const trimmed = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.trim()]));
  const named = withAliases(trimmed);
  const given = Object.fromEntries(Object.entries(named.env).filter(([, value]) => value !== ''));
  const parsed = z.object(configShape).safeParse(given, { error: inWords });
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => describe(issue, named.usedNames));
    throw new ConfigError(`The configuration is wrong:\n${lines.join('\n')}`);
  }
  const config: Config = { ...parsed.data, production: parsed.data.NODE_ENV === 'production' };
  requireTogether(config);
  return config;
}

function requireTogether(config: Config): void {
  if (config.REDIS_URL && !config.DATABASE_URL) {
    throw new ConfigError(
      'The configuration is wrong:\n  DATABASE_URL: must be set when REDIS_URL is (a PostgreSQL URL)',
    );
  }
  if (config.production && config.RATE_LIMITS === 'off') {
    throw new ConfigError('The configuration is wrong:\n  RATE_LIMITS: must be on in production');
  }
  if (config.production && !config.JWT_SECRET) {
    throw new ConfigError(
      'The configuration is wrong:\n  JWT_SECRET: must be set in production (32 or more random characters)',
    );
  }
  const { GOOGLE_CLIENT_ID: googleId, GOOGLE_CLIENT_SECRET: googleSecret } = config;
  if ((googleId === undefined) !== (googleSecret === undefined)) {
    const [missing, other] = googleId
      ? ['GOOGLE_CLIENT_SECRET', 'GOOGLE_CLIENT_ID']
      : ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'];
    throw new ConfigError(`The configuration is wrong:\n  ${missing}: must be set when ${other} is`);
  }
  for (const name of ['DEFAULT_MODEL', 'TITLE_MODEL'] as const) {
    const provider = unknownProvider(config[name] ?? '');
    if (provider === undefined || namesAuthors(config)) continue;
    throw new ConfigError(
      `The configuration is wrong:\n  ${name}: "${provider}" is no provider (must be provider/name, or a bare name)`,
    );
  }
  if (config.SMTP_URL && !config.MAIL_FROM) {
    throw new ConfigError(
      'The configuration is wrong:\n  MAIL_FROM: must be set when SMTP_URL is (as `Parley <parley@example.com>`)',
    );
  }
}

/** Whether models may be served here whose own names are `author/name`. */
const namesAuthors = ({ OPENROUTER_API_KEY, HUGGINGFACE_API_KEY, OPENAI_BASE_URL }: Config): boolean =>
  [OPENROUTER_API_KEY, HUGGINGFACE_API_KEY, OPENAI_BASE_URL].some((each) => each !== undefined);

function describe(issue: z.core.$ZodIssue, usedNames: ReadonlyMap<string, string>): string {
  const name = String(issue.path[0]);
  const meaning = name in configShape ? configShape[name as keyof typeof configShape].description : undefined;
  return `  ${usedNames.get(name) ?? name}: ${issue.message}${meaning ? ` (${meaning})` : ''}`;
}
