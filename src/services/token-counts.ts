import { BoundedMap } from '../base/bounded-map.ts';
import { countTokens } from './count-tokens.ts';

/** Most messages whose count is kept. An entry is an id and a number: all of them are a few megabytes. */
const KEPT = 20_000;

/**
 * How many tokens messages have. A message is asked for with every reply that follows it, and what is stored of it does
 * not change, so each is counted once.
 */
export class TokenCounts {
  readonly #counts = new BoundedMap<string, number>(KEPT);

  /** The tokens of a stored message. */
  async of({ id, content }: { id: string; content: string }): Promise<number> {
    const known = this.#counts.get(id);
    if (known !== undefined) return known;
    const count = await countTokens(content);
    this.#counts.set(id, count);
    return count;
  }
}
