/** One timer for many: calls every member each `intervalMs` and runs only while there are any. */
export class Ticker {
  readonly #intervalMs: number;
  readonly #members = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Calls `member` from now on, first after about `intervalMs`. */
  add(member: () => void): void {
    this.#members.add(member);
    // Not unref'ed: like a socket, it keeps a process alive that waits for it. It stops with its last member.
    this.#timer ??= setInterval(this.#tick, this.#intervalMs);
  }

  /** Never calls `member` again. */
  remove(member: () => void): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    for (const member of this.#members) member();
  };
}
