const ignore = (): void => {};

/** Works of one key are done one after the other, in the order in which they are asked for; those of other keys do not wait. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<void>>();

  /** @throws what `work` throws, which holds up nobody behind it */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const done = before === undefined ? work() : before.then(work);
    const ended = done.then(ignore, ignore);
    this.#last.set(key, ended);
    void ended.then(() => {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    });
    return done;
  }

  /** Keys that somebody works for, or waits for. */
  get size(): number {
    return this.#last.size;
  }
}
