import type { Detector } from './detector.ts';

/** Of the part before the `@`; without what may stand there by the letter, but in practice ends something else, as in a query. */
export const LOCAL = /[\p{L}\p{N}.!#$%'*+^_`{|}~-]/u;
/** Of the part behind it. */
const DOMAIN = /[\p{L}\p{N}.-]/u;
/** Two labels or more, the last one of letters (or punycode). */
const HOST = /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.(?:\p{L}{2,}|xn--[a-z0-9-]+)/u;

/** E-mail addresses. From each `@` outwards: a regular expression would read what stands before it again and again. */
export const findEmails: Detector = function* (text) {
  let free = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > free && LOCAL.test(text.charAt(start - 1))) start -= 1;
    // Neither begins nor ends with a dot, and what stands in quotes or brackets is not part of it.
    while (start < at && /[.'`{|]/.test(text.charAt(start))) start += 1;
    free = at + 1;
    const end = endOfHost(text, free);
    if (start === at || end === undefined) continue;
    yield { kind: 'email', start, end, key: text.slice(start, end).toLowerCase() };
    free = end;
  }
};

/** Where a host ends that begins here; undefined: there is none. */
export function endOfHost(text: string, start: number): number | undefined {
  let end = start;
  while (end < text.length && DOMAIN.test(text.charAt(end))) end += 1;
  const host = HOST.exec(text.slice(start, end))?.[0];
  return host === undefined ? undefined : start + host.length;
}
