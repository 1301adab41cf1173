import { BLANK, endsLine, NAME, NAME_UNITS, SIGN, secretIn, VALUE, VERB } from './assignments.ts';
import type { Detector } from './detector.ts';
import { PATH } from './name-paths.ts';
import { OTHER_WORDS } from './secret-names.ts';

/** As part of a name; longer than next to it, where that is looked for. */
const REST = `[\\p{L}\\w-]{0,60}`;
const LONG = `[\\p{L}\\w-]{${NAME_UNITS + 1},60}`;
/** `Password (admin)`; without a blank it would be a function. */
const NOTE = `${BLANK}{1,2}\\([^()\\n]{1,40}\\)`;
const PATTERN = new RegExp(
  `${NAME}(?:${LONG}|${REST}(?<path>${PATH})|${REST}(?<note>${NOTE}))["'\`]?(?<given>${SIGN}${BLANK}{0,4}|${VERB})${VALUE}`,
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
  const { password, path, note, given = '', double, single, tick, plain } = match.groups ?? {};
  if (path === undefined && note === undefined) return false;
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
