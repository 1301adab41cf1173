import { setImmediate } from 'node:timers/promises';
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

/** The tokenizer takes a fifth of a second to load, and a start need not wait for it: it comes a moment after, or with the first text. */
const LOAD_AFTER_MS = 1_000;
setTimeout(() => void loadTokenizer().catch(() => {}), LOAD_AFTER_MS).unref();

let loading: ReturnType<typeof loadO200k> | undefined;

function loadTokenizer(): ReturnType<typeof loadO200k> {
  loading ??= loadO200k();
  return loading;
}

async function loadO200k() {
  const { countTokens, setMergeCacheSize } = await import('gpt-tokenizer/encoding/o200k_base');
  // The cache is by number of entries: full of slices without a space it would hold a gigabyte. It saves little.
  setMergeCacheSize(0);
  return countTokens;
}

/** About how many tokens a text has; exact models differ, this is for where a provider sends no usage. */
export async function countTokens(text: string): Promise<number> {
  const countO200k = await loadTokenizer();
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
