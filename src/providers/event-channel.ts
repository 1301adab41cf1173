import type { ProviderEvent } from './provider.ts';

type Result = IteratorResult<ProviderEvent, undefined>;

const END: Result = { done: true, value: undefined };

/** Text that may wait unread before the source is asked to pause, in UTF-16 code units. */
const HIGH_WATER = 256 * 1024;

/** What an {@link EventChannel} needs. */
export interface EventChannelOptions {
  /** Ends the iteration at once; what was not read yet is dropped. */
  signal: AbortSignal;
  /** Starts the source. Called when iteration begins, after `start` has been queued. */
  open: (channel: EventChannel) => void;
}

/**
 * From a source that pushes to a reader that pulls: the iterable that an adapter hands out. Deltas of one kind
 * that meet a slow reader are merged, so a queue never holds more than a few events.
 * It has one reader, which asks for one event at a time.
 */
export class EventChannel implements AsyncIterableIterator<ProviderEvent, undefined> {
  /** Called once, when the last event has been pushed or the reader has gone: the source stops. */
  onClose: (() => void) | undefined;
  /** Called with `true` when too much waits unread, with `false` when the reader has caught up. */
  onPressure: ((full: boolean) => void) | undefined;

  readonly #signal: AbortSignal;
  readonly #open: (channel: EventChannel) => void;
  #opened = false;
  #closed = false;
  #full = false;
  #queue: ProviderEvent[] = [];
  #queuedUnits = 0;
  #waiting: ((result: Result) => void) | undefined;

  constructor({ signal, open }: EventChannelOptions) {
    this.#signal = signal;
    this.#open = open;
  }

  /** No event is taken any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Adds an event. `finish` and `error` close the channel; after that it takes nothing. */
  push(event: ProviderEvent): void {
    if (this.#closed) return;
    if (this.#waiting) this.#settle({ done: false, value: event });
    else this.#enqueue(event);
    if (event.type === 'finish' || event.type === 'error') this.#close();
  }

  next(): Promise<Result> {
    if (!this.#opened) this.#begin();
    const event = this.#queue.shift();
    if (!event && !this.#closed) return new Promise((resolve) => (this.#waiting = resolve));
    if (this.#queue.length === 0) this.#relax();
    return Promise.resolve(event ? { done: false, value: event } : END);
  }

  return(): Promise<Result> {
    this.#abandon();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #begin(): void {
    this.#opened = true;
    if (this.#signal.aborted) {
      this.#closed = true;
      return;
    }
    this.#signal.addEventListener('abort', this.#abandon, { once: true });
    this.#queue.push({ type: 'start' });
    this.#open(this);
  }

  #enqueue(event: ProviderEvent): void {
    if (event.type !== 'text' && event.type !== 'reasoning') {
      // A sign of life says no more twice; a call may have hundreds of thousands.
      if (event.type !== 'writing' || this.#queue.at(-1)?.type !== 'writing') this.#queue.push(event);
      return;
    }
    const last = this.#queue.at(-1);
    if (last?.type === event.type) {
      this.#queue[this.#queue.length - 1] = { type: event.type, text: last.text + event.text };
    } else this.#queue.push(event);
    this.#queuedUnits += event.text.length;
    if (this.#full || this.#queuedUnits < HIGH_WATER) return;
    this.#full = true;
    this.onPressure?.(true);
  }

  #relax(): void {
    this.#queuedUnits = 0;
    if (!this.#full) return;
    this.#full = false;
    this.onPressure?.(false);
  }

  #settle(result: Result): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(result);
  }

  readonly #abandon = (): void => {
    this.#opened = true;
    this.#queue = [];
    this.#close();
    this.#settle(END);
  };

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal.removeEventListener('abort', this.#abandon);
    this.onClose?.();
  }
}
