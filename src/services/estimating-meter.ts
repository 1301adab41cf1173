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
  readonly #promptTokens: number;
  #usedTokens: number;
  called = '';

  constructor({ portions, sink, prompt, maxTokens }: MeterDeps) {
    this.#portions = portions;
    this.#sink = sink;
    this.#promptTokens = prompt.reduce((sum, text) => sum + estimate(text), 0);
    this.#usedTokens = this.#promptTokens;
    if (maxTokens !== undefined) portions.mostTokens = this.#usedTokens + maxTokens;
  }

  async begin(): Promise<void> {}

  write(text: string, channel?: Channel): undefined {
    this.#sink.push(text, channel);
    this.#use(text);
  }

  writeCall(text: string): undefined {
    this.called += text;
    this.#use(text);
  }

  restart(): void {
    this.called = '';
    this.#usedTokens = this.#promptTokens;
  }

  #use(text: string): void {
    this.#usedTokens += estimate(text);
    if (this.#portions.isLow(this.#usedTokens)) void this.#ask();
  }

  async #ask(): Promise<void> {
    if ((await this.#portions.ask(this.#usedTokens)) === 'lost') this.over = 'lost';
  }
}

const estimate = (text: string): number => Buffer.byteLength(text) / BYTES_PER_TOKEN;
