import { type Detector, type Found, findAll } from './detector.ts';
import { PATH_GIVEN } from './name-paths.ts';
import { SSN_NAME } from './ssn-names.ts';

/** Not inside of a longer name or number, as of a part or an order, nor behind the code of a country. */
const NOT_BEHIND = '(?<![\\p{L}\\p{N}_#]|\\+\\d{1,3} |[\\p{L}\\p{N}_][.-])';
const NOT_BEFORE = '(?![\\p{L}\\p{N}_]|[.-]\\d|-\\p{L})';
/** An area, a group and a serial number, none of zeros only; there are no areas 666 and 900 to 999. https://www.ssa.gov/employer/randomization.html */
const parts = (gap: string): string => `(?!000|666|9)\\d{3}${gap}(?!00)\\d{2}\\k<gap>(?!0000)\\d{4}`;
const HYPHENS = new RegExp(`${NOT_BEHIND}${parts('(?<gap>[\\u2010\\u2011\\u2013-])')}${NOT_BEFORE}`, 'gu');
/** The same, also with blanks or nothing between its parts. */
const ANY_GAP = parts('(?<gap>[ \\u00a0.\\u2010\\u2011\\u2013-]?)');
/** Behind a word that says what it is: `SSN: 123 45 6789`. */
const NAMED = new RegExp(`${SSN_NAME}[^\\d\\n]{0,24}(?<value>${ANY_GAP})${NOT_BEFORE}`, 'giu');
/** Behind a name with a path: `ssns[0] = 123456789`. */
const FAR = new RegExp(`${SSN_NAME}${PATH_GIVEN}(?<value>${ANY_GAP})${NOT_BEFORE}`, 'giu');
/** In a value of which its name says what it is. */
const VALUE = new RegExp(`(?<![\\p{L}\\p{N}_]|[\\p{L}\\p{N}_][.-])${ANY_GAP}${NOT_BEFORE}`, 'gu');

/** Social security numbers of the United States, as they are written: `123-45-6789`. */
export const findSsns: Detector = function* (text) {
  for (const pattern of [HYPHENS, NAMED, FAR]) yield* findAll(text, pattern, ssnAt);
};

/** The same in a value of which its name says that it is one. */
export const findSsnsInValue: Detector = (value) => findAll(value, VALUE, ssnAt);

function ssnAt(value: string, start: number): Found {
  return { kind: 'ssn', start, end: start + value.length, key: value.replace(/\D/g, '') };
}
