import { type CountryCode, findPhoneNumbersInText, isSupportedCountry } from 'libphonenumber-js/min';
import { type Detector, type Found, findAll } from './detector.ts';
import { PATH_GIVEN } from './name-paths.ts';
import { PHONE_NAME, PHONE_WORD } from './phone-names.ts';

/** Between two digits of one number; at most two of them, as in `+1 (415) 555`. */
const GAP = '[ ()./\\u00a0\\u2010\\u2011\\u2013-]';
/** That many digits, with gaps between them. */
const digits = (min: number, max: number): string =>
  `\\d(?:${GAP}{0,2}\\d){${min - 1},${max - 1}}(?![\\p{L}\\d_])`;
const NOT_INSIDE = '(?<![\\p{L}\\p{N}_+.,-])';

/** With the code of its country: `+1 415 555 2671`, `0049 30 1234567`. */
const INTERNATIONAL = new RegExp(
  `(?<![\\p{L}\\p{N}_+])\\+[ (]{0,2}${digits(8, 15)}|${NOT_INSIDE}00(?=[1-9])${digits(8, 13)}`,
  'gu',
);
/** Written as numbers of no other kind are: `(415) 555-2671`, `98765 43210`, `06 12 34 56 78`. */
const SHAPED = new RegExp(
  `${NOT_INSIDE}(?:(?:1[ .-])?(?:\\(\\d{3}\\) ?|\\d{3}[ .-])\\d{3}[ .-]\\d{4}|[6-9]\\d{4}[ -]\\d{5}|\\(?0${digits(9, 10)})(?![\\p{L}\\d_])`,
  'gu',
);
/** That many digits are a phone number where a word says so. */
const NUMBER = `[+(]{0,2}${digits(7, 15)}`;
/** Behind a word that says what it is, also inside of a name: `contactPhone`, `phone_number`. */
const NAMED = new RegExp(`${PHONE_WORD}[^\\d\\n+(]{0,24}(?<value>${NUMBER})`, 'giu');
/** Behind a name with a path: `phones[0] = "4155552671"`. */
const FAR = new RegExp(`(?:${PHONE_NAME})${PATH_GIVEN}(?<value>${NUMBER})`, 'giu');
/** In a value of which its name says what it is; not the end of a UUID. */
const VALUE = new RegExp(`(?<![\\p{L}\\p{N}_+]|[\\da-f]-|\\d\\.)${NUMBER}`, 'giu');
/** `01.02.2026`, `2026-11-20`, and times behind them. */
const DATE = /^\(?(?:\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?!\d)/;
/** Milliseconds since 1970: no country has such numbers. */
const TIME = /^1\d{12}$/;
/** A run of what numbers are made of, for the library: it is given no more at once than this. */
const RUN = /[+(]{0,2}\d[\d ()./\u00a0\u2010\u2011\u2013-]{5,200}/g;

/**
 * Whose phone numbers are known without their country code; undefined: nobody's.
 *
 * @throws where there is no such country
 */
function nationalOf(country: string | undefined): CountryCode | undefined {
  if (country === undefined || isSupportedCountry(country)) return country;
  throw new Error(`AI_MASK_COUNTRY must be a country with phone numbers, as in US; ${country} is none`);
}

/**
 * Phone numbers. Those with a country code everywhere; those without one by how they are written, by the word before
 * them, and, where a country is given, as its numbers are.
 *
 * @throws where there is no such country
 */
export function phonesOf(country: string | undefined): Detector {
  const national = nationalOf(country);
  return function* (text) {
    for (const pattern of [INTERNATIONAL, NAMED]) yield* findAll(text, pattern, phoneAt);
    yield* findAll(text, FAR, unlessTime);
    yield* findAll(text, SHAPED, (value, start) => {
      const grouped = /\D/.test(value.slice(1, -1));
      return grouped ? unlessDate(value, start) : undefined;
    });
    if (national) yield* findNational(text, national);
  };
}

function* findNational(text: string, defaultCountry: CountryCode): Generator<Found | undefined> {
  for (const { 0: run, index } of text.matchAll(RUN)) {
    // Not inside of a longer name: the number of a part, of an order.
    if (/[\p{L}_]/u.test(text.charAt(index - 1))) continue;
    yield undefined;
    for (const { startsAt, endsAt } of findPhoneNumbersInText(run, { defaultCountry })) {
      yield unlessDate(run.slice(startsAt, endsAt), index + startsAt);
    }
  }
}

/** Phone numbers in a value of which its name says that it is one. */
export const findPhonesInValue: Detector = (value) => findAll(value, VALUE, unlessTime);

const unlessTime = (value: string, start: number): Found | undefined =>
  TIME.test(value) ? undefined : unlessDate(value, start);

const unlessDate = (value: string, start: number): Found | undefined =>
  DATE.test(value) ? undefined : phoneAt(value, start);

function phoneAt(value: string, start: number): Found {
  return { kind: 'phone', start, end: start + value.length, key: value.replace(/\D/g, '') };
}
