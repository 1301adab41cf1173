/** Calls when a source has been silent for long enough. */
export class SilenceTimer {
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;
  #check: NodeJS.Immediate | undefined;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /** Silence begins now, also where it had begun before. */
  begin(ms: number): void {
    this.end();
    // After what has arrived meanwhile: it may be this process that was busy.
    this.#timer = setTimeout(() => {
      this.#check = setImmediate(this.#onSilence);
    }, ms);
    this.#timer.unref();
  }

  /** There is none any more. */
  end(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#check);
  }
}
