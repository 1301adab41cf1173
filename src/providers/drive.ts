import { type Asker, type EventStream, eventStreamOf } from './event-stream.ts';
import type { ProviderEvent } from './provider.ts';

/** What a stream is driven into. */
export interface DrivenReader {
  /** Takes the next event. A promise: nothing more is read until it resolves. */
  take(event: ProviderEvent): Promise<void> | undefined;
  /** Whether it leaves, which ends the stream: it is asked before each event is read. */
  leaves?(): boolean;
}

/**
 * Reads a stream to its end, as `for await` does: each event is taken in the moment in which the stream has it, with no
 * promise in between where the stream is of ours and the reader is ready. What comes while the reader is busy waits in
 * the stream. Resolves when the stream is over and nothing is being taken any more; rejects with what `take` throws, and
 * the stream has ended then.
 */
export function drive(events: AsyncIterable<ProviderEvent>, reader: DrivenReader): Promise<void> {
  return new Promise((resolve, reject) => {
    new Driver(events, reader, { resolve, reject }).readOn();
  });
}

interface Over {
  resolve(): void;
  reject(thrown: unknown): void;
}

class Driver implements Asker {
  readonly #stream: EventStream;
  readonly #reader: DrivenReader;
  readonly #over: Over;
  #asking = false;
  #heard = false;

  constructor(events: AsyncIterable<ProviderEvent>, reader: DrivenReader, over: Over) {
    this.#stream = eventStreamOf(() => events);
    this.#reader = reader;
    this.#over = over;
  }

  /** Events that come at once are a loop here: as a recursion they would be as deep as the stream has events. */
  readOn(): void {
    this.#heard = true;
    if (this.#asking) return;
    this.#asking = true;
    while (this.#heard && !this.#leaves()) {
      this.#heard = false;
      this.#stream.ask(this);
    }
    this.#asking = false;
  }

  hear(event: ProviderEvent | undefined): void {
    if (event) this.#take(event);
    else this.#over.resolve();
  }

  #take(event: ProviderEvent): void {
    try {
      const taken = this.#reader.take(event);
      if (taken === undefined) this.readOn();
      else
        taken.then(
          () => this.readOn(),
          (thrown: unknown) => this.#fail(thrown),
        );
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    this.#stream.stop();
    this.#over.reject(thrown);
  }

  #leaves(): boolean {
    if (!this.#reader.leaves?.()) return false;
    this.#stream.stop();
    this.#over.resolve();
    return true;
  }
}
