import type { Found } from './detector.ts';

/**
 * What several detectors found, in the order of the text. Those that overlap become one, which covers all of them, so
 * that nothing of any is left over; it is of the kind of the longest.
 */
export function mergeFound(text: string, found: Found[]): Found[] {
  const inOrder = found.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const merged: Found[] = [];
  for (const next of inOrder) {
    const last = merged.at(-1);
    if (!last || next.start >= last.end) {
      merged.push(next);
      continue;
    }
    if (next.end <= last.end) continue;
    const kind = lengthOf(next) > lengthOf(last) ? next.kind : last.kind;
    const { start } = last;
    merged[merged.length - 1] = { kind, start, end: next.end, key: text.slice(start, next.end) };
  }
  return merged;
}

const lengthOf = ({ start, end }: Found): number => end - start;
