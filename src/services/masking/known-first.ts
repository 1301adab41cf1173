import type { Detector, Found } from './detector.ts';

/**
 * Looks for what has a form of its own, then, in what is left of the text, for what is found by its digits, whatever
 * stands between them: two IP addresses would be a phone number, a number and the beginning of a card one card.
 */
export function knownFirst(known: readonly Detector[], guessed: readonly Detector[]): Detector {
  return function* (text) {
    const all: Found[] = [];
    for (const find of known) {
      for (const found of find(text)) {
        if (found) all.push(found);
        yield found;
      }
    }
    const rest = without(text, all);
    for (const find of guessed) yield* find(rest);
  };
}

/** A text of the same length, with zero characters for what was found. */
function without(text: string, found: Found[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end } of found.toSorted((a, b) => a.start - b.start)) {
    if (end <= at) continue;
    parts.push(text.slice(at, Math.max(start, at)), '\0'.repeat(end - Math.max(start, at)));
    at = end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}
