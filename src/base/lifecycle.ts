import type { Logger } from './logger.ts';

type Close = () => Promise<unknown> | unknown;

/**
 * Who opens, closes. Everything opened pushes how it is closed; `close` runs these in reverse, once,
 * and goes on when one of them fails.
 */
export class Lifecycle {
  readonly #log: Logger;
  readonly #stack: { name: string; close: Close }[] = [];
  #closing: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Registers how something is closed. `name` is for the log. */
  onClose(name: string, close: Close): void {
    this.#stack.push({ name, close });
  }

  /** Closes everything in reverse order of opening. May be called twice; both calls wait for the one close. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (let entry = this.#stack.pop(); entry; entry = this.#stack.pop()) {
      try {
        await entry.close();
      } catch (error) {
        this.#log.error({ err: error, resource: entry.name }, 'failed to close');
      }
    }
  }
}
