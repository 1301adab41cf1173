import type { MaskedKind } from '../../contracts/masking.ts';

/** A value in a text that is to be masked. */
export interface Found {
  kind: MaskedKind;
  /** UTF-16 code units. */
  start: number;
  end: number;
  /** The same for two spellings of one value. */
  key: string;
}

/**
 * Finds values of one kind. Takes time in proportion to the length of the text, whatever the text: it is anybody's.
 * May find more than there is, rather than less. One that is slow gives `undefined` in between: others may have a turn.
 */
export type Detector = (text: string) => Iterable<Found | undefined>;

/** What a regular expression finds. Its group `value`, where it has one, is what is masked. */
export function* findAll(
  text: string,
  pattern: RegExp,
  toFound: (value: string, start: number, match: RegExpExecArray) => Found | undefined,
): Generator<Found> {
  for (const match of text.matchAll(pattern)) {
    const value = match.groups?.value ?? match[0];
    // A value stands at the end of its match, if it is not all of it.
    const found = toFound(value, match.index + match[0].length - value.length, match);
    if (found) yield found;
  }
}

/** A secret is the same only when it is written the same. */
export const secretAt = (value: string, start: number): Found => ({
  kind: 'secret',
  start,
  end: start + value.length,
  key: value,
});

/**
 * A text without these characters at its end. An expression such as `/[.)]+$/` would look for the end from each of them
 * anew.
 */
export function trimEnd(text: string, chars: string): string {
  let end = text.length;
  while (end > 0 && chars.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
