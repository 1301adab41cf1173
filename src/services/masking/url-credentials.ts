import { type Detector, secretAt, trimEnd } from './detector.ts';

/** Ends the part of a URL in which a name and a password stand. */
const END = /[\s/?#"'<>`\\]/;
/** What closes a sentence around a URL that has no path. */
const CLOSING = '.,;)]}';

/**
 * Names and passwords in URLs, with the host behind them: `postgres://admin:secret@host/db`. Without the host, what is
 * left would look like an e-mail address.
 */
export const findUrlCredentials: Detector = function* (text) {
  for (let scheme = text.indexOf('://'); scheme !== -1; scheme = text.indexOf('://', scheme + 3)) {
    const start = scheme + 3;
    let end = start;
    let at = -1;
    for (; end < text.length && !END.test(text.charAt(end)); end += 1) {
      if (text.charAt(end) === '@') at = end;
    }
    if (at !== -1 && text.slice(start, at).includes(':'))
      yield secretAt(trimEnd(text.slice(start, end), CLOSING), start);
    scheme = end - 3 > scheme ? end - 3 : scheme;
  }
};
