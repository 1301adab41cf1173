import { setImmediate } from 'node:timers/promises';
import { countTokens as countO200k, setMergeCacheSize } from 'gpt-tokenizer/encoding/o200k_base';
import { slices } from '../base/text.ts';

/**
 * Longest piece that is counted at once, in UTF-16 code units. Byte pair encoding of adversarial text takes
 * quadratic time: unsliced, a megabyte of one letter blocks the event loop for seconds.
 */
export const SLICE_UNITS = 1_000;
/** Longest turn of the event loop that is spent on counting, in milliseconds: even sliced, a megabyte can take two seconds. */
const TURN_MS = 5;

/** Special tokens are plain text here: `<|endoftext|>` in a message is what somebody typed. */
const OPTIONS = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };

// The cache is by number of entries: full of slices without a space it would hold a gigabyte. It saves little.
setMergeCacheSize(0);

/** About how many tokens a text has; exact models differ, this is for where a provider sends no usage. */
export async function countTokens(text: string): Promise<number> {
  let tokens = 0;
  let turn = performance.now();
  for (const slice of slices(text, SLICE_UNITS)) {
    tokens += countO200k(slice, OPTIONS);
    if (performance.now() - turn < TURN_MS) continue;
    await setImmediate();
    turn = performance.now();
  }
  return tokens;
}
