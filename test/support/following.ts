import type { TestUser } from './test-user.ts';
import { Transcript } from './transcript.ts';
import { Wakeups } from './wakeups.ts';

/** A client that follows messages, whatever its wire: what it knows outlives its connections. */
export abstract class Following {
  readonly user: TestUser;
  readonly transcript = new Transcript();
  readonly #wakeups = new Wakeups(() => this.summary);

  constructor(user: TestUser) {
    this.user = user;
  }

  /** Waits for events until the condition holds. */
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void> {
    return this.#wakeups.until(what, condition, timeoutMs);
  }

  /** Waits until all of these messages have ended. */
  async done(messageIds: string[], timeoutMs?: number): Promise<void> {
    const all = () => messageIds.every((id) => this.transcript.isDone(id));
    await this.until(`the end of ${messageIds.join(', ')}`, all, timeoutMs);
  }

  /** Waits until it has at least that much of a message's text, of that attempt or a later one. */
  async has(messageId: string, chars: number, { attempt = 1, timeoutMs }: HasOptions = {}): Promise<void> {
    const enough = () => {
      const copy = this.transcript.copies.get(messageId);
      return copy !== undefined && copy.attempt >= attempt && copy.text.length >= chars;
    };
    await this.until(`${chars} characters of ${messageId}, attempt ${attempt}`, enough, timeoutMs);
  }

  /** What it knows, for the message of a failed test. */
  get summary(): string {
    const { copies, heard, faults } = this.transcript;
    const known = [...copies].map(
      ([id, { message, attempt, text, done }]) =>
        `${id} ${message.role} ${message.status} attempt ${attempt}, ${text.length} chars${done ? ', done' : ''}`,
    );
    return [...known, ...faults, `last events: ${JSON.stringify(heard.slice(-5))}`].join('\n');
  }

  /** Must be called after each event. */
  protected wake(): void {
    this.#wakeups.wake();
  }
}

/** Of which attempt, and how long it may take. */
export interface HasOptions {
  attempt?: number;
  timeoutMs?: number;
}
