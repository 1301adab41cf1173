import type { Detector } from './detector.ts';

/** Digits, each behind the other or one separator apart. */
const RUN = /(?<!\d)\d(?:[ \-\u00a0]?\d){12,}/g;
/** Of the networks that there are; others (times in milliseconds begin with 1) are numbers of something else. */
const FIRST = '23456';
const [MIN_DIGITS, MAX_DIGITS] = [13, 19];

/** Card numbers: 13 to 19 digits whose check digit is right, also between other numbers. */
export const findCards: Detector = function* (text) {
  for (const { 0: run, index } of text.matchAll(RUN)) {
    for (let at = 0; at < run.length; at = nextGroup(run, at)) {
      const card = FIRST.includes(run.charAt(at)) ? longestAt(run, at) : undefined;
      yield undefined;
      if (!card) continue;
      yield { kind: 'card', start: index + at, end: index + card.end, key: card.digits };
      at = card.end;
    }
  }
};

const isDigit = (char: string): boolean => char >= '0' && char <= '9';

/** Where the group of digits begins that stands behind this place of a run. */
function nextGroup(run: string, at: number): number {
  let end = at;
  while (end < run.length && isDigit(run.charAt(end))) end += 1;
  return end + 1;
}

/** The longest card number that begins here, where a group does, and ends with a group. Looks at a few characters only. */
function longestAt(run: string, start: number) {
  let digits = '';
  let found: { digits: string; end: number } | undefined;
  for (let at = start; at < run.length && digits.length <= MAX_DIGITS; at += 1) {
    const char = run.charAt(at);
    if (isDigit(char)) digits += char;
    const end = at + 1;
    const isGroup = isDigit(char) && !isDigit(run.charAt(end));
    if (!isGroup || digits.length < MIN_DIGITS || digits.length > MAX_DIGITS) continue;
    if (isChecked(digits)) found = { digits, end };
  }
  return found;
}

/** https://en.wikipedia.org/wiki/Luhn_algorithm */
function isChecked(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits.charAt(digits.length - 1 - place));
    const doubled = digit * 2;
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
