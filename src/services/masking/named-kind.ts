import { PHONE_NAME } from './phone-names.ts';
import { KEY_NAMES, OTHER_WORDS, PASSWORD_NAMES } from './secret-names.ts';
import { SSN_NAME } from './ssn-names.ts';

/** Two kinds of secrets: any number may be a password, few are keys. */
export type SecretKind = 'password' | 'key';
/** What the name of a value says that it is. */
export type NamedKind = SecretKind | 'ssn' | 'phone';

const nameOf = (names: readonly string[]): RegExp =>
  new RegExp(`(?!${OTHER_WORDS.join('|')})(?:${names.join('|')})`, 'iu');
const PASSWORD = nameOf(PASSWORD_NAMES);
const KEY = nameOf(KEY_NAMES);
const SSN = new RegExp(SSN_NAME, 'iu');
const PHONE = new RegExp(PHONE_NAME, 'iu');

/** Where a word of `phoneForEmergencies`, `SSNValue` begins that stands behind another. */
const NEXT_WORD = /(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll}{2})/gu;
/** Says what it is of by the name above it: `{ "api": { "key": … } }`. */
const ANY_KEY = /^keys?$/i;
/** How much of a name above is looked at for that, in UTF-16 code units. It may be long, and have many names below it. */
const ABOVE_UNITS = 16;

/** Where a name stands in data. */
export interface NameAbove {
  /** The name above it; empty at the top. */
  name: string;
  /** What the names above it say of all that stands below them. */
  kind: NamedKind | undefined;
}

/**
 * What a name and those above it say of the values below it. What is below a secret is secret, whatever it is called
 * there: a part of it may be called `phone`.
 */
export function namedKind(name: string, above: NameAbove): NamedKind | undefined {
  if (above.kind === 'password') return 'password';
  const own = kindOf(ANY_KEY.test(name) ? `${above.name.slice(-ABOVE_UNITS)}.${name}` : name);
  return above.kind === 'key' && own !== 'password' ? 'key' : (own ?? above.kind);
}

function kindOf(name: string): NamedKind | undefined {
  if (PASSWORD.test(name)) return 'password';
  if (KEY.test(name)) return 'key';
  const words = name.replace(NEXT_WORD, '_');
  if (SSN.test(words)) return 'ssn';
  return PHONE.test(words) ? 'phone' : undefined;
}
