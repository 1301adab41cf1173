import { type Detector, type Found, secretAt, trimEnd } from './detector.ts';

const PASSWORD = 'pass(?:word|wd|phrase|code)|pwd|(?<![a-z])(?:pass|pw|cv[cv])(?![a-z])';
const OTHER =
  'secret(?:[ _-]?key)?|api[ _-]?key|(?:access|account|private|auth|encryption|signing|shared)[ _-]?key|token|credential|authorization';
/** A name, also with something behind it (`secret_key`, `passwords`); then how it is given its value; then that. */
const PATTERN = new RegExp(
  `(?:(?<password>${PASSWORD})|${OTHER})[\\w-]{0,20}["'\`]?(?<given>[ \\t]{0,4}(?:=>|:=|[:=])\\s{0,4}|[ \\t]{1,4}(?:is|was)[ \\t]{1,4}:?[ \\t]{0,4})` +
    '(?:"(?<double>[^"\\n]*)|\'(?<single>[^\'\\n]*)|`(?<tick>[^`\\n]*)|(?<plain>[^\\s"\'`,;&<>]+))',
  'gi',
);
/** What stands for a value that is elsewhere, or says what kind of thing goes there. */
const NO_VALUE = /^(?:[$<*{[(%]|(?:null|none|undefined|true|false|bearer|basic|string|required|optional)$)/i;
/** Closes a sentence or a bracket; neither is part of a value. */
const CLOSING = '.)]}';
/** Units: what may be a password; what is too long for a number of tokens, for a word. */
const [SHORTEST, NO_COUNT, NO_WORD] = [3, 8, 16];

/** Values that a name says are secret: `password: …`, `API_KEY=…`, `"token": "…"`, `my password is …`. */
export const findAssignments: Detector = function* (text) {
  for (const match of text.matchAll(PATTERN)) {
    const found = secretIn(match, text);
    if (found) yield found;
  }
};

function secretIn(match: RegExpExecArray, text: string): Found | undefined {
  const { password, given = '', double, single, tick, plain } = match.groups ?? {};
  const quoted = double ?? single ?? tick;
  const raw = quoted ?? plain ?? '';
  const value = quoted ?? trimEnd(raw, CLOSING);
  const end = match.index + match[0].length;
  const start = end - raw.length;
  if (value.length < SHORTEST || NO_VALUE.test(value)) return undefined;
  if (quoted !== undefined || given.includes('=')) return secretAt(value, start);
  const isWord = /^\p{Ll}+$/u.test(value);
  if (!isWord && (password !== undefined || (/\d/.test(value) && value.length >= NO_COUNT))) {
    return secretAt(value, start);
  }
  // `Password: please choose one` goes on; `password: letmein` does not.
  const alone = given.includes(':') && /^[ \t.]*(?:\r?\n|$)/.test(text.slice(end, end + 8));
  return alone && (password !== undefined || value.length >= NO_WORD) ? secretAt(value, start) : undefined;
}
