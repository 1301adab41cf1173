import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base';
import { slices } from '../base/text.ts';

/**
 * Longest piece that is counted at once, in UTF-16 code units. Byte pair encoding of adversarial text takes
 * quadratic time: unsliced, a megabyte of one letter blocks the event loop for seconds.
 */
const SLICE_UNITS = 1_000;

/** Special tokens are plain text here: `<|endoftext|>` in a message is what somebody typed. */
const OPTIONS = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

/** About how many tokens a text has; exact models differ, this is for where a provider sends no usage. */
export function countTokens(text: string): number {
  let tokens = 0;
  for (const slice of slices(text, SLICE_UNITS)) tokens += countO200k(slice, OPTIONS);
  return tokens;
}
