/**
 * A text of that many words, no two alike, so that one that is lost, doubled or out of place shows. Some are of
 * characters that take two UTF-16 code units. `echo` sends it back, a word a token.
 */
export function words(count: number, name = 'w'): string {
  return Array.from({ length: count }, (_, n) => (n % 7 === 3 ? `${name}${n}😀` : `${name}${n}`)).join(' ');
}
