import type { Detector } from './detector.ts';

/** Digits, each behind the other or one separator apart. */
const RUN = /(?<!\d)\d(?:[ \-\u00a0]?\d){12,}/g;
/** Of the networks that there are; others (times in milliseconds begin with 1) are numbers of something else. */
const FIRST = /^[2-6]/;
const [MIN_DIGITS, MAX_DIGITS] = [13, 19];

/** Card numbers: 13 to 19 digits whose check digit is right, also between other numbers. */
export const findCards: Detector = function* (text) {
  for (const { 0: run, index } of text.matchAll(RUN)) {
    const groups = [...run.matchAll(/\d+/g)].map((group) => ({ digits: group[0], at: group.index }));
    for (let first = 0; first < groups.length; first += 1) {
      const { at, digits } = groups[first] as Group;
      const card = FIRST.test(digits) ? longestFrom(groups, first) : undefined;
      yield undefined;
      if (!card) continue;
      yield { kind: 'card', start: index + at, end: index + card.end, key: card.digits };
      first = card.last;
    }
  }
};

interface Group {
  digits: string;
  /** Where it begins in its run. */
  at: number;
}

/** The longest card number that begins with a group, and ends with one. */
function longestFrom(groups: Group[], first: number) {
  let digits = '';
  let found: { digits: string; end: number; last: number } | undefined;
  for (let last = first; last < groups.length; last += 1) {
    const group = groups[last] as Group;
    if (digits.length + group.digits.length > MAX_DIGITS) break;
    digits += group.digits;
    if (digits.length < MIN_DIGITS || !isChecked(digits)) continue;
    found = { digits, end: group.at + group.digits.length, last };
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
