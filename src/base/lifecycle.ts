import { inTime } from './in-time.ts';
import type { Logger } from './logger.ts';

type Close = () => Promise<unknown> | unknown;

/** Longest that closing one thing may take, in milliseconds: what is away, or hangs, must not keep the process. */
const CLOSE_MS = 2_000;

/**
 * Who opens, closes. Everything opened pushes how it is closed; `close` runs these in reverse, once,
 * and goes on when one of them fails, or does not come to its end.
 */
export class Lifecycle {
  readonly #log: Logger;
  readonly #stack: { name: string; close: Close; withinMs: number }[] = [];
  #closing: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Registers how something is closed.
   *
   * @param name for the log
   * @param withinMs longest that is waited for it; what closes in steps that take longer sets its own
   */
  onClose(name: string, close: Close, withinMs = CLOSE_MS): void {
    this.#stack.push({ name, close, withinMs });
  }

  /** Closes everything in reverse order of opening. May be called twice; both calls wait for the one close. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (let entry = this.#stack.pop(); entry; entry = this.#stack.pop()) {
      try {
        await inTime(async () => entry.close(), entry.withinMs);
      } catch (error) {
        this.#log.error({ err: error, resource: entry.name }, 'failed to close');
      }
    }
  }
}
