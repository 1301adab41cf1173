/** Lets tests wait for a condition that changes only when something happens: no polling, no sleeping. */
export class Wakeups {
  readonly #waiting = new Set<() => void>();
  readonly #describe: () => string;

  /** `describe` tells the state, for the message of a wait that was in vain. */
  constructor(describe: () => string) {
    this.#describe = describe;
  }

  /** Something has happened: conditions are looked at again. */
  wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves once `condition` holds; rejects after `timeoutMs`. `what` is for the message. */
  until(what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve();
      };
      const late = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`not within ${timeoutMs} ms: ${what}\n${this.#describe()}`));
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }
}
