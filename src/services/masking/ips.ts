import { isIPv6, SocketAddress } from 'node:net';
import { type Detector, type Found, findAll } from './detector.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|[01]?\\d?\\d)';
const IPV4 = new RegExp(
  `(?<![\\p{L}\\p{N}_]|\\d\\.)${OCTET}(?:\\.${OCTET}){3}(?![\\p{L}\\p{N}_]|\\.\\d)`,
  'gu',
);
/** Of this host itself, of everybody, or no address but a mask of one: they tell nothing. */
const NOBODYS = /^0*(?:0|127|255)\./;
/** How many characters before and behind one are looked at. */
const AROUND = 24;
/** Says that a version or a part of a text follows: `version 1.2.3.4`, `release: 1.2.3.4`, `§ 1.2.3.4`. */
const NUMBER_OF =
  /(?:(?<![\p{L}\p{N}_-])(?:v|ver|versi[oó]n|versione|versão|версия|release|build|firmware|rev|revision|section|chapter|clause|paragraph|article|appendix|abschnitt|kapitel|ziffer)|§)[.: \u00a0=#-]{0,3}$/iu;
/** `1.2.3.4 Results`, at the beginning of a line. */
const HEADING = {
  number: /^\d(?:\.\d){3}$/,
  before: /(?:^|\n)[#*/ \t]{0,16}$/,
  behind: /^\.?[ \t]{1,4}\p{L}/u,
};
/** An amount, where a point is between thousands: `1.234.100.200,00`, `€ 1.234.100.200`. */
const AMOUNT = {
  number: /^\d{1,3}(?:\.\d{3}){3}$/,
  before: /(?:[€$£]|(?:EUR|USD|Rp|R\$))[ \u00a0]?$/,
  behind: /^(?:,\d{1,2}(?![\d.])|[ \u00a0]?(?:[€$£]|EUR|USD|Euro))/,
};

/** What stands where an address in version 6 may, with at least two colons. */
const IPV6 = /(?<![\p{L}\p{N}_:.])[\da-f]{1,4}:[\da-f:]{1,37}(?![\p{L}\p{N}_:])/giu;
/**
 * How those begin that there are: global, unique local, link-local, multicast. Others that are shortened may be something
 * else, as in `a::b`. https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
 */
const ASSIGNED = /^(?:[23][\da-f]{3}|f[cd][\da-f]{2}|fe[89ab][\da-f]|ff[\da-f]{2}):/i;

/** IP addresses of both versions; not the numbers of versions and sections, which look like those of version 4. */
export const findIps: Detector = function* (text) {
  yield* findAll(text, IPV4, (value, start) =>
    isOther(text, value, start) ? undefined : ipv4At(value, start),
  );
  yield* findAll(text, IPV6, ipv6At);
};

function isOther(text: string, value: string, start: number): boolean {
  const end = start + value.length;
  const before = text.slice(Math.max(start - AROUND, 0), start);
  const behind = text.slice(end, end + AROUND);
  if (NOBODYS.test(value) || NUMBER_OF.test(before)) return true;
  if (HEADING.number.test(value) && HEADING.before.test(before) && HEADING.behind.test(behind)) return true;
  return AMOUNT.number.test(value) && (AMOUNT.before.test(before) || AMOUNT.behind.test(behind));
}

function ipv4At(value: string, start: number): Found {
  return { kind: 'ip', start, end: start + value.length, key: value.split('.').map(Number).join('.') };
}

function ipv6At(matched: string, start: number): Found | undefined {
  // The colon of the sentence that it stands in.
  const value = /[^:]:$/.test(matched) ? matched.slice(0, -1) : matched;
  if (!isIPv6(value) || !/\d/.test(value) || (value.includes('::') && !ASSIGNED.test(value)))
    return undefined;
  const key = new SocketAddress({ address: value, family: 'ipv6' }).address;
  return { kind: 'ip', start, end: start + value.length, key };
}
