import type { MaskedKind } from '../../contracts/masking.ts';
import type { Found } from './detector.ts';

/** Found by how many digits there are, whatever stands between them. */
const GUESSED: readonly MaskedKind[] = ['phone', 'card'];
/** Found by a form that other numbers do not have. */
const KNOWN: readonly MaskedKind[] = ['iban', 'ssn', 'ip'];
/** No phone or card number has fewer digits. */
const FEWEST_DIGITS = 7;

/**
 * Leaves out phone and card numbers that are made of what is known to be something else, as of two IP addresses, with
 * too little besides to be one. What is left is in the order of the text.
 */
export function dropGuesses(text: string, found: Found[]): Found[] {
  const inOrder = found.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const known = inOrder.filter(({ kind }) => KNOWN.includes(kind));
  let first = 0;
  return inOrder.filter(({ kind, start, end }) => {
    if (!GUESSED.includes(kind)) return true;
    while ((known[first]?.end ?? end) <= start) first += 1;
    let at = start;
    let rest = '';
    for (let next = first; (known[next]?.start ?? end) < end; next += 1) {
      const each = known[next] as Found;
      rest += text.slice(at, Math.max(each.start, at));
      at = Math.max(each.end, at);
    }
    rest += text.slice(at, end);
    return at === start || rest.replace(/\D/g, '').length >= FEWEST_DIGITS;
  });
}
