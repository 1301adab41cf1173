/** Most bytes of UTF-8 for one UTF-16 code unit: a pair of them takes four. */
export const MAX_BYTES_PER_UNIT = 3;

/** A text in slices of at most `maxUnits` (2 or more) UTF-16 code units, never inside a surrogate pair. */
export function* slices(text: string, maxUnits: number): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + maxUnits, text.length);
    // A slice that has no room for a pair takes it nevertheless: it has to come to an end.
    if (splitsPair(text, end)) end += end - start > 1 ? -1 : 1;
    yield text.slice(start, end);
    start = end;
  }
}

/** The first code unit of a surrogate pair. */
export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** The first `maxUnits` code units of a text, on a word boundary where there is one, with an ellipsis if cut. */
export function excerpt(text: string, maxUnits: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= maxUnits) return line;
  const [head = ''] = slices(line, maxUnits - 1);
  const space = head.lastIndexOf(' ');
  return `${space > maxUnits / 2 ? head.slice(0, space) : head}…`;
}

/** Whether cutting a text at `offset` would split a surrogate pair. */
export function splitsPair(text: string, offset: number): boolean {
  return isHighSurrogate(text.charCodeAt(offset - 1)) && isLowSurrogate(text.charCodeAt(offset));
}

/**
 * A well-formed text in one piece. V8 keeps what is put together as a tree, and whoever writes it out walks all of that tree: a text
 * that is part of many others is cheaper in one piece.
 */
export function inOnePiece(text: string): string {
  return Buffer.from(text).toString();
}
