import { BLANK, endsLine, NAME, NAME_UNITS, SIGN, secretIn, VALUE, VERB } from './assignments.ts';
import type { Detector } from './detector.ts';
import { PATH } from './name-paths.ts';
import { OTHER_WORDS } from './secret-names.ts';

/** As part of a name; taken whole or not at all, as trying each shorter one takes long in a text of names alone. */
const REST = '(?=(?<rest>[\\p{L}\\w-]{0,60}))\\k<rest>';
/** `Password (admin)`; without a blank it would be a function. */
const NOTE = `${BLANK}{1,2}\\([^()\\n]{1,40}\\)`;
const PATTERN = new RegExp(
  `${NAME}${REST}(?:(?<path>${PATH})|(?<note>${NOTE}))?["'\`]?(?<given>${SIGN}${BLANK}{0,4}|${VERB})${VALUE}`,
  'giu',
);
const OTHER = new RegExp(`^(?:${OTHER_WORDS.join('|')})`, 'iu');
/** Says something about a secret, in code and in the texts of a form. */
const ABOUT =
  /(?:length|size|count|type|label|placeholder|title|hint|help|text|errors?|messages?|required|policy|rules?)["'`\]]{0,2}$/i;
/** No digit, few of them and nothing else, or brackets: `token.value = getToken(1)`, `tokens.length = 128`. */
const CODE = /^\D*$|^\d{1,7}\D?$|[()[\]{}]/;
const LETTERS = /^\p{L}+[.)\]}]?$/u;

/**
 * Values behind more than the name of a secret: `password.current: …`, `api_keys[0] = …`, `Password (admin): …`, or a
 * long name. A detector of its own, as each looks no more at what it took for a value.
 */
export const findFarAssignments: Detector = function* (text) {
  for (const match of text.matchAll(PATTERN)) {
    const found = isOther(match, text) ? undefined : secretIn(match, text);
    if (found) yield found;
  }
};

/** Whether a path or a note shows that it is something else. */
function isOther(match: RegExpExecArray, text: string): boolean {
  const { password, rest = '', path, note, given = '', double, single, tick, plain } = match.groups ?? {};
  // What is next to its name is found where that is looked for.
  if (path === undefined && note === undefined) return rest.length <= NAME_UNITS;
  if (OTHER.test(match[0]) || ABOUT.test(path ?? '')) return true;
  const isCode = given.includes('=') && given !== '=';
  // `TokenTypes["WORD"] = "word"`
  if (plain === undefined) {
    return isCode && password === undefined && !/\d/.test(double ?? single ?? tick ?? '');
  }
  // A host with its port; a setting, as in `?secret.key=…`; code.
  if (given === ':') return true;
  if (given === '=') return plain.startsWith('=');
  if (isCode) return CODE.test(plain);
  if (!LETTERS.test(plain)) return false;
  return note === undefined || !endsLine(text, match.index + match[0].length);
}
