import { type Asker, EventStream } from './event-stream.ts';
import type { ProviderEvent } from './provider.ts';

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
 * From a source that pushes to a reader that asks: the stream that an adapter hands out. An event that is waited for is
 * with the reader when `push` returns. Deltas of one kind that meet a slow reader are merged, so a queue never holds
 * more than a few events.
 */
export class EventChannel extends EventStream {
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
  #waiting: Asker | undefined;

  constructor({ signal, open }: EventChannelOptions) {
    super();
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
    if (event.type === 'finish' || event.type === 'error') this.#close();
    if (this.#waiting) this.#answer(event);
    else this.#enqueue(event);
  }

  ask(asker: Asker): void {
    if (!this.#opened) this.#begin();
    const event = this.#queue.shift();
    if (!event && !this.#closed) {
      this.#waiting = asker;
      return;
    }
    if (this.#queue.length === 0) this.#relax();
    asker.hear(event);
  }

  stop(): void {
    this.#opened = true;
    this.#queue = [];
    this.#close();
    this.#answer(undefined);
  }

  #begin(): void {
    this.#opened = true;
    if (this.#signal.aborted) {
      this.#closed = true;
      return;
    }
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#queue.push({ type: 'start' });
    this.#open(this);
  }

  #enqueue(event: ProviderEvent): void {
    if (event.type !== 'text' && event.type !== 'reasoning' && event.type !== 'writing') {
      this.#queue.push(event);
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

  #answer(event: ProviderEvent | undefined): void {
    const asker = this.#waiting;
    this.#waiting = undefined;
    asker?.hear(event);
  }

  readonly #onAbort = (): void => this.stop();

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.onClose?.();
  }
}
