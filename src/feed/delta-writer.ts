import { GrowingText } from './growing-text.ts';
import type { LiveText } from './ports.ts';

/**
 * Writes the text of one attempt, merged by acknowledgement: at most one delta is on its way, and what comes
 * meanwhile goes out with the next. Idle, nothing waits; under load, deltas merge by themselves.
 */
export class DeltaWriter {
  readonly #live: LiveText;
  readonly #onError: (error: unknown) => void;
  readonly #text = new GrowingText();
  #pending = '';
  #inFlight: Promise<void> | undefined;
  #abandoned = false;

  /** `onError` is told of each delta that the broker did not take; the text is kept and restored. */
  constructor(live: LiveText, onError: (error: unknown) => void) {
    this.#live = live;
    this.#onError = onError;
  }

  /** UTF-16 code units written so far. */
  get length(): number {
    return this.#text.length;
  }

  /** Adds to the text. Never waits. */
  push(text: string): void {
    if (text === '' || this.#abandoned) return;
    this.#text.add(text);
    this.#pending += text;
    this.#inFlight ??= this.#drain();
  }

  /** Waits until everything is on the other side; answers the whole text. */
  async finish(): Promise<string> {
    await this.#inFlight;
    return this.#text.read();
  }

  /** Publishes nothing more: the claim was lost. */
  abandon(): void {
    this.#abandoned = true;
    this.#pending = '';
  }

  async #drain(): Promise<void> {
    while (this.#pending !== '') {
      const text = this.#pending;
      this.#pending = '';
      const offset = this.#text.length - text.length;
      const end = this.#text.byteLength;
      try {
        await this.#live.append({ offset, text, whole: () => this.#text.read(end) });
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#inFlight = undefined;
  }
}
