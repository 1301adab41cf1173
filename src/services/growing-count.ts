import { slices } from '../base/text.ts';
import { countTokens, SLICE_UNITS } from './count-tokens.ts';

/**
 * Counts a text that grows, exactly as {@link countTokens} counts the whole of it: in the same slices, of which only the
 * last one, which is not full, is counted again. One count at a time.
 */
export class GrowingCount {
  /** Tokens of the slices that are full. */
  #full = 0;
  /** What stands behind them. */
  #rest = '';
  #known: number | undefined = 0;

  /** Adds to the text; counts nothing. It never ends inside of a surrogate pair. */
  add(text: string): void {
    this.#rest += text;
    this.#known = undefined;
  }

  /** Tokens of all that was added. */
  async count(): Promise<number> {
    this.#known ??= await this.countWith('');
    return this.#known;
  }

  /** Tokens of all that was added with `more` behind it, which is not added. */
  async countWith(more: string): Promise<number> {
    const [...parts] = slices(this.#rest, SLICE_UNITS);
    const last = parts.pop() ?? '';
    for (const part of parts) this.#full += await countTokens(part);
    this.#rest = last;
    return this.#full + (await countTokens(last + more));
  }
}
