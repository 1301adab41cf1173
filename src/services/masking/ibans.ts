import type { Detector } from './detector.ts';

/** The country, and the two check digits. */
const BEGIN = /(?<![\p{L}\p{N}_])[a-z]{2}\d{2}/giu;
/** Stands between two characters of one that is written in groups, at most one at a place. */
const GAP = /[ \u00a0\u202f-]/;
const OTHER = /[\p{L}\p{N}_]/u;
const CHARACTER = /[a-z0-9]/i;
/** How many characters those of a country have. https://www.swift.com/standards/data-standards/iban (ISO 13616) */
const LENGTHS = new Map(
  Object.entries({
    15: 'NO',
    16: 'BE',
    18: 'DK FI FK FO GL NL SD',
    19: 'MK SI',
    20: 'AT BA EE KZ LT LU MN XK',
    21: 'CH HR LI LV',
    22: 'BG BH CR DE GB GE IE ME RS VA',
    23: 'AE GI IL IQ OM SO TL',
    24: 'AD CZ ES MD PK RO SA SE SK TN VG',
    25: 'LY PT ST',
    26: 'IS TR',
    27: 'BI DJ FR GR IT MC MR SM',
    28: 'AL AZ BY CY DO GT HN HU LB NI PL SV',
    29: 'BR EG PS QA UA',
    30: 'JO KW MU YE',
    31: 'MT SC',
    32: 'LC',
    33: 'RU',
  }).flatMap(([length, countries]) =>
    countries.split(' ').map((country) => [country, Number(length)] as const),
  ),
);

/** International bank account numbers: as long as those of their country, and with check digits that are right. */
export const findIbans: Detector = function* (text) {
  for (const { 0: begin, index: start } of text.matchAll(BEGIN)) {
    const length = LENGTHS.get(begin.slice(0, 2).toUpperCase());
    const end = length === undefined ? undefined : endOf(text, start, length);
    if (end === undefined) continue;
    const key = text
      .slice(start, end)
      .replace(/[^a-z0-9]/gi, '')
      .toUpperCase();
    if (isChecked(key)) yield { kind: 'iban', start, end, key };
  }
};

/** Where so many characters end that begin here; undefined where they are fewer, or go on. */
function endOf(text: string, start: number, length: number): number | undefined {
  let at = start;
  for (let count = 0; count < length; count += 1) {
    if (count > 0 && GAP.test(text.charAt(at))) at += 1;
    if (!CHARACTER.test(text.charAt(at))) return undefined;
    at += 1;
  }
  return OTHER.test(text.charAt(at)) ? undefined : at;
}

/** Letters count as 10 to 35, behind the rest stand the first four. https://en.wikipedia.org/wiki/ISO/IEC_7064 (MOD 97-10) */
function isChecked(iban: string): boolean {
  let rest = 0;
  for (const char of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
