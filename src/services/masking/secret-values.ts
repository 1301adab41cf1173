import type { SecretKind } from './named-kind.ts';

/** Say that there is no value, or what kind of thing goes there. Part of an expression (flags `i`, `u`). */
export const NO_VALUE_WORDS =
  'null|none|undefined|true|false|bearer|basic|string|required|optional|' +
  'erforderlich|pflichtfeld|requise?|obligatoire|facultatif|obligatori[oa]|requerid[oa]|opcional|facoltativ[oa]|обязательно';
/** Units: what may be a password; what is too long for a number of tokens. */
export const [SHORTEST, NO_COUNT] = [3, 8];

const WORD = new RegExp(`^(?:${NO_VALUE_WORDS})$`, 'iu');
/** Stands, as a whole, for a value that is elsewhere: `${TOKEN}`, `$TOKEN`, `%TOKEN%`, `{{ token }}`, `<token>`, `[SECRET_1]`, `****`. */
const ELSEWHERE =
  /^(?:\$\{[\w.-]*\}|\$[A-Z_]+|%[A-Z_]+%|\{\{[\p{L} _.-]*\}\}|<[\p{L} _.-]*>|\[[A-Z]+_\d+\]|[*•]+)$/u;

/** Whether a value is one, of which its name says so: all but what is none, and numbers that may count tokens. */
export function isSecret(value: string | number, kind: SecretKind): boolean {
  const text = String(value);
  if (typeof value === 'number') return text.length >= (kind === 'password' ? SHORTEST : NO_COUNT);
  return text.length >= SHORTEST && !WORD.test(text) && !ELSEWHERE.test(text);
}
