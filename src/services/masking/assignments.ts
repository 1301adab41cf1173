import { type Detector, type Found, secretAt, trimEnd } from './detector.ts';
import { KEY_NAMES, PASSWORD_NAMES } from './secret-names.ts';
import { NO_COUNT, NO_VALUE_WORDS, SHORTEST } from './secret-values.ts';

/** No line break; the narrow ones stand before a colon in French. */
export const BLANK = '[ \\t\u00a0\u202f]';
/** `is`, `was`, in the languages of the names. */
const IS = '(?:is|was|ist|war|lautet|est|était|es|era|é|è)';
/** How much may stand behind a name, as part of it. */
export const NAME_UNITS = 20;
/** A sign, or a verb, that gives a name its value. */
export const SIGN = `${BLANK}{0,4}(?:=>|:=|[:=])`;
export const VERB = `${BLANK}{1,4}${IS}(?:${BLANK}{1,4}:?|:)${BLANK}{0,4}`;
/** How a name is given its value: with a sign, with a verb, or with a dash, as in Russian. */
const GIVEN = [`${SIGN}\\s{0,4}`, VERB, `${BLANK}{1,4}[–—]${BLANK}{1,4}`].join('|');
/** A name. */
export const NAME = `(?:(?<password>${PASSWORD_NAMES.join('|')})|${KEY_NAMES.join('|')})`;
/** What it is given. */
export const VALUE =
  '(?:"(?<double>[^"\\n]*)|\'(?<single>[^\'\\n]*)|`(?<tick>[^`\\n]*)|(?<plain>[^\\s"\'`,;&<>]+))';
/** A name, also with something behind it (`secret_key`, `passwords`); then how it is given its value; then that. */
const PATTERN = new RegExp(`${NAME}[\\p{L}\\w-]{0,${NAME_UNITS}}["'\`]?(?<given>${GIVEN})${VALUE}`, 'giu');
/** What stands for a value that is elsewhere, or says what kind of thing goes there. */
const NO_VALUE = new RegExp(`^(?:[$<*{[(%]|(?:${NO_VALUE_WORDS})$)`, 'iu');
/** Closes a sentence or a bracket; neither is part of a value. */
const CLOSING = '.)]}';
/** Units: what is too long for a word. */
const NO_WORD = 16;

/** Values that a name says are secret: `password: …`, `API_KEY=…`, `"token": "…"`, `my password is …`, `Passwort: …`. */
export const findAssignments: Detector = function* (text) {
  for (const match of text.matchAll(PATTERN)) {
    const found = secretIn(match, text);
    if (found) yield found;
  }
};

/** What is secret in a match of {@link NAME}, how it is `given` its value, and {@link VALUE}. */
export function secretIn(match: RegExpExecArray, text: string): Found | undefined {
  const { password, given = '', double, single, tick, plain } = match.groups ?? {};
  const quoted = double ?? single ?? tick;
  const raw = quoted ?? plain ?? '';
  const value = quoted ?? trimEnd(raw, CLOSING);
  const end = match.index + match[0].length;
  const start = end - raw.length;
  if (value.length < SHORTEST || NO_VALUE.test(value)) return undefined;
  if (quoted !== undefined || given.includes('=')) return secretAt(value, start);
  // `Password – two of them` goes on.
  if (/[–—]/.test(given) && !/\d/.test(value)) return undefined;
  const isWord = /^\p{Ll}+$/u.test(value);
  if (!isWord && (password !== undefined || (/\d/.test(value) && value.length >= NO_COUNT))) {
    return secretAt(value, start);
  }
  // `Password: please choose one` goes on; `password: letmein` does not.
  const alone = given.includes(':') && endsLine(text, end);
  return alone && (password !== undefined || value.length >= NO_WORD) ? secretAt(value, start) : undefined;
}

/** Whether a value that ends here is the last of its line. */
export const endsLine = (text: string, end: number): boolean =>
  /^[ \t.]*(?:\r?\n|$)/.test(text.slice(end, end + 8));
