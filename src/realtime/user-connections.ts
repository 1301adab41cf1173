import { AppError } from '../base/errors.ts';

/**
 * Counts what each user has open in this process: sockets, and event streams of sessions. They stay for as long as their client
 * wishes, and each may keep some megabytes waiting for it: a limit of how often they are opened does not bound how many there are.
 */
export class UserConnections {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  /** @param max how many one user may have open at a time */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Counts one more. Returns what is to be called at its end, which may be called twice.
   *
   * @throws {AppError} `conflict` when there are too many
   */
  enter(userId: string): () => void {
    const count = this.#open.get(userId) ?? 0;
    if (count >= this.#max) {
      throw new AppError(
        'conflict',
        `You have ${this.#max} sockets and event streams open; close one first.`,
      );
    }
    this.#open.set(userId, count + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#open.get(userId) ?? 1) - 1;
      if (left > 0) this.#open.set(userId, left);
      else this.#open.delete(userId);
    };
  }
}
