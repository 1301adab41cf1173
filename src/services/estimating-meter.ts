import type { Channel } from '../feed/ports.ts';
import type { CreditMeter, MeterDeps, MeterEnd, TextSink } from './credit-meter.ts';
import type { HoldPortions } from './hold-portions.ts';

/** Of most text. Good enough for what limits nothing, and nothing has to be counted. */
const BYTES_PER_TOKEN = 4;

/**
 * The meter where nothing ends a reply: the overdraft is not limited, or the model costs no credits. What is set aside
 * follows the text by an estimate, and the text never waits.
 */
export class EstimatingMeter implements CreditMeter {
  over: MeterEnd | undefined;
  readonly #portions: HoldPortions;
  readonly #sink: TextSink;
  #usedTokens: number;

  constructor({ portions, sink, prompt, maxTokens }: MeterDeps) {
    this.#portions = portions;
    this.#sink = sink;
    this.#usedTokens = prompt.reduce((sum, text) => sum + estimate(text), 0);
    if (maxTokens !== undefined) portions.mostTokens = this.#usedTokens + maxTokens;
  }

  async begin(): Promise<void> {}

  write(text: string, channel?: Channel): undefined {
    this.#sink.push(text, channel);
    this.#usedTokens += estimate(text);
    if (this.#portions.isLow(this.#usedTokens)) void this.#ask();
  }

  async #ask(): Promise<void> {
    if ((await this.#portions.ask(this.#usedTokens)) === 'lost') this.over = 'lost';
  }
}

const estimate = (text: string): number => Buffer.byteLength(text) / BYTES_PER_TOKEN;
