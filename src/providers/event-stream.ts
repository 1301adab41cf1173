import { classifyError } from './classify-error.ts';
import type { ProviderEvent } from './provider.ts';

/**
 * Who asks a stream of ours. A stream that reads another is one itself: with a closure there would be two more objects to look
 * into for each event, of every reply that is being written, and most of what an event costs is to look into objects.
 */
export interface Asker {
  /** Hears what was asked for: the next event, or `undefined` when the stream is over. Never throws. */
  hear(event: ProviderEvent | undefined): void;
}

type Result = IteratorResult<ProviderEvent, undefined>;

/**
 * A stream of ours: whoever reads it asks for one event at a time, and is answered by a call. So an event goes through
 * all the streams that stand on each other in one chain of calls, and is where it belongs when its source has pushed it;
 * with promises each of them would take several turns of the microtask queue for it.
 *
 * It is an async iterable like any other, too. One reader, in one of the two ways.
 */
export abstract class EventStream implements AsyncIterableIterator<ProviderEvent, undefined> {
  /**
   * Asks for the next event. The answer comes at once when there is one, else when it is there; a stream that is over
   * answers `undefined`, again and again. Not to be called while an answer is still to come.
   */
  abstract ask(asker: Asker): void;

  /** The reader leaves: ends the stream. An answer that is still to come is `undefined`. */
  abstract stop(): void;

  /** {@link ask}, with a promise. */
  next(): Promise<Result> {
    return new Promise((resolve) => this.ask({ hear: (event) => resolve(toResult(event)) }));
  }

  /** {@link stop}, for a loop that is left. */
  return(): Promise<Result> {
    this.stop();
    return Promise.resolve(toResult(undefined));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function toResult(value: ProviderEvent | undefined): Result {
  return value ? { done: false, value } : { done: true, value };
}

/** What `open` gives, as a stream of ours. What it throws, at once or when it is read, is an `error` event. */
export function eventStreamOf(open: () => AsyncIterable<ProviderEvent>): EventStream {
  try {
    const events = open();
    return events instanceof EventStream ? events : new IteratedStream(events[Symbol.asyncIterator]());
  } catch (thrown) {
    return new IteratedStream({ next: () => Promise.reject(thrown) });
  }
}

/** An async iterable of somebody else's. */
class IteratedStream extends EventStream {
  readonly #events: AsyncIterator<ProviderEvent>;

  constructor(events: AsyncIterator<ProviderEvent>) {
    super();
    this.#events = events;
  }

  ask(asker: Asker): void {
    void this.#read().then((event) => asker.hear(event));
  }

  /** A generator that hangs would never answer: nobody waits for it. */
  stop(): void {
    this.#events.return?.()?.then(undefined, () => {});
  }

  async #read(): Promise<ProviderEvent | undefined> {
    try {
      const result = await this.#events.next();
      return result.done ? undefined : result.value;
    } catch (thrown) {
      return { type: 'error', error: classifyError(thrown) };
    }
  }
}
