import type { Detector } from './detector.ts';
import { endOfHost, LOCAL } from './emails.ts';

/** A character as it is written in a URL, also in a URL that is part of others. */
const ESCAPED = '%(?:25){0,3}';
const AT = new RegExp(`${ESCAPED}40`, 'g');
const LAST = new RegExp(`${ESCAPED}([\\da-f]{2})$`, 'i');
/** `logo%402x.png`: for a screen of twice as many points. */
const IMAGE = /^\dx\.[a-z]{3,4}$/i;
/** How long one that is escaped may be. */
const MAX_UNITS = 9;

/**
 * E-mail addresses in URLs: `?email=ann%40example.com`. Each is a value of its own, not that of `ann@example.com`: where its
 * placeholder stands, the escapes have to be put back.
 */
export const findEncodedEmails: Detector = function* (text) {
  let free = 0;
  for (const { 0: sign, index: at } of text.matchAll(AT)) {
    const start = startOfLocal(text, free, at);
    free = at + sign.length;
    const end = endOfHost(text, free);
    if (start === at || end === undefined || IMAGE.test(text.slice(free, end))) continue;
    yield { kind: 'email', start, end, key: text.slice(start, end).toLowerCase() };
    free = end;
  }
};

/** Where the part begins that stands before the sign, not before `free`: `%3D` ends it as `=` does, `%2B` is part of it. */
function startOfLocal(text: string, free: number, at: number): number {
  let start = at;
  while (start > free) {
    const [escaped, code = ''] = LAST.exec(text.slice(Math.max(start - MAX_UNITS, free), start)) ?? [];
    const isLocal = escaped === undefined ? LOCAL.test(text.charAt(start - 1)) : isLocalByte(code);
    if (!isLocal) return start;
    start -= escaped?.length ?? 1;
  }
  return start;
}

function isLocalByte(hex: string): boolean {
  const byte = Number.parseInt(hex, 16);
  // A part of a letter that is not in ASCII.
  return byte >= 0x80 || LOCAL.test(String.fromCharCode(byte));
}
