import { slices } from '../base/text.ts';
import type { Channel } from '../feed/ports.ts';
import { countTokens, SLICE_UNITS } from './count-tokens.ts';
import type { CreditMeter, MeterDeps, MeterEnd } from './credit-meter.ts';
import { GrowingCount } from './growing-count.ts';
import type { Asked } from './hold-portions.ts';

/** Of most text; only tells when to ask ahead. */
const BYTES_PER_TOKEN = 4;

/**
 * The meter where the overdraft is limited: nothing is written that is not covered. A token has one byte or more, so text
 * whose bytes are covered is not counted. What is not covered waits until more is set aside; where nothing is left, the text
 * ends at the last character that is covered.
 */
export class LimitingMeter implements CreditMeter {
  over: MeterEnd | undefined;
  called = '';
  readonly #deps: MeterDeps;
  #counts = newCounts();
  readonly #aborted: Promise<'aborted'>;
  #promptTokens = 0;
  /** Tokens of the prompt and of what was counted of the output. */
  #counted = 0;
  /** Bytes of output since then. */
  #uncountedBytes = 0;

  constructor(deps: MeterDeps) {
    this.#deps = deps;
    const { signal } = deps;
    this.#aborted = new Promise((resolve) => {
      if (signal.aborted) resolve('aborted');
      else signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
  }

  /** Waits until the prompt, and a token, are covered: a prompt may be larger than its estimate. */
  async begin(): Promise<void> {
    for (const text of this.#deps.prompt) this.#promptTokens += await countTokens(text);
    this.#counted = this.#promptTokens;
    const { portions, maxTokens } = this.#deps;
    if (maxTokens !== undefined) portions.mostTokens = this.#promptTokens + maxTokens;
    if (!(await this.#cover(this.#promptTokens + 1))) return;
    this.#askAhead();
  }

  write(text: string, channel?: Channel): Promise<void> | undefined {
    return this.#write(text, channel ?? 'text');
  }

  writeCall(text: string): Promise<void> | undefined {
    return this.#write(text, 'call');
  }

  restart(): void {
    this.called = '';
    this.#counts = newCounts();
    this.#counted = this.#promptTokens;
    this.#uncountedBytes = 0;
  }

  #write(text: string, kind: Kind): Promise<void> | undefined {
    const bytes = Buffer.byteLength(text);
    if (this.#counted + this.#uncountedBytes + bytes > this.#deps.portions.heldTokens) {
      return this.#writeCounted(text, kind);
    }
    this.#push(text, kind);
    this.#uncountedBytes += bytes;
    this.#askAhead();
    return undefined;
  }

  async #writeCounted(text: string, kind: Kind): Promise<void> {
    for (const piece of slices(text, SLICE_UNITS)) {
      const used = await this.#usedWith(piece, kind);
      const covered = await this.#cover(used);
      if (covered) this.#push(piece, kind);
      else if (this.over === 'credit_limit') this.#push(await this.#coveredPart(piece, kind), kind);
      if (!covered) return;
      this.#counted = used;
      this.#uncountedBytes = 0;
      this.#askAhead();
    }
  }

  /** @returns false when so much is not covered, and never will be */
  async #cover(usedTokens: number): Promise<boolean> {
    const { portions, signal } = this.#deps;
    while (usedTokens > portions.heldTokens) {
      const asked: Asked | 'aborted' = await Promise.race([portions.ask(usedTokens), this.#aborted]);
      if (signal.aborted) return false;
      if (asked === 'lost') this.over = 'lost';
      // Something may have come from the portion that was asked ahead.
      if (asked === 'nothing' && usedTokens > portions.heldTokens) this.over = 'credit_limit';
      if (this.over) return false;
    }
    return true;
  }

  #askAhead(): void {
    const { portions } = this.#deps;
    const used = this.#counted + this.#uncountedBytes / BYTES_PER_TOKEN;
    if (!portions.isLow(used)) return;
    void portions.ask(used).then((asked) => {
      if (asked === 'lost') this.over ??= 'lost';
    });
  }

  /** As many of its first characters as are covered. */
  async #coveredPart(text: string, kind: Kind): Promise<string> {
    const characters = Array.from(text);
    let [covered, tooMany] = [0, characters.length];
    while (tooMany - covered > 1) {
      const middle = (covered + tooMany) >> 1;
      const used = await this.#usedWith(characters.slice(0, middle).join(''), kind);
      if (used > this.#deps.portions.heldTokens) tooMany = middle;
      else covered = middle;
    }
    return characters.slice(0, covered).join('');
  }

  /** Tokens of the prompt and of the output with `text` at its end. */
  async #usedWith(text: string, kind: Kind): Promise<number> {
    let used = this.#promptTokens;
    for (const each of KINDS) {
      const count = this.#counts[each];
      used += await (each === kind ? count.countWith(text) : count.count());
    }
    return used;
  }

  #push(text: string, kind: Kind): void {
    if (text === '') return;
    this.#counts[kind].add(text);
    if (kind === 'call') this.called += text;
    else this.#deps.sink.push(text, kind === 'reasoning' ? kind : undefined);
  }
}

/** What a model writes. */
const KINDS = ['text', 'reasoning', 'call'] as const;
type Kind = (typeof KINDS)[number];

const newCounts = (): Record<Kind, GrowingCount> => ({
  text: new GrowingCount(),
  reasoning: new GrowingCount(),
  call: new GrowingCount(),
});
