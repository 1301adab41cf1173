/** Another name under which a variable may be set. */
interface Alias {
  name: string;
  of: string;
  /** In the unit of the variable; as it is unless given. */
  convert?: (value: string) => string;
}

const MINUTES_PER_DAY = 1_440;

const ALIASES: readonly Alias[] = [
  { name: 'CLAUDE_API_KEY', of: 'ANTHROPIC_API_KEY' },
  { name: 'CLAUDE_BASE_URL', of: 'ANTHROPIC_BASE_URL' },
  { name: 'ALLOWED_ORIGINS', of: 'CORS_ORIGINS' },
  { name: 'JWT_ACCESS_TOKEN_EXPIRY_IN_MINUTES', of: 'ACCESS_TOKEN_MINUTES' },
  {
    name: 'JWT_REFRESH_TOKEN_EXPIRY_IN_MINUTES',
    of: 'REFRESH_TOKEN_DAYS',
    convert: (minutes) => String(Number(minutes) / MINUTES_PER_DAY),
  },
];

/** An environment under the proper names of its variables. */
export interface NamedEnvironment {
  env: NodeJS.ProcessEnv;
  /** The name that was used, by the proper one, where that was another. */
  usedNames: ReadonlyMap<string, string>;
}

/** Puts what is set under another name under the proper one, unless that is set as well. */
export function withAliases(env: NodeJS.ProcessEnv): NamedEnvironment {
  const named = { ...env };
  const usedNames = new Map<string, string>();
  for (const { name, of, convert } of ALIASES) {
    const value = env[name];
    if (!value || env[of]) continue;
    named[of] = convert ? convert(value) : value;
    usedNames.set(of, name);
  }
  return { env: named, usedNames };
}
