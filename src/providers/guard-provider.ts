import { TextCleaner } from './clean-text.ts';
import { type Asker, EventStream, eventStreamOf } from './event-stream.ts';
import { type Provider, ProviderError, type ProviderEvent, type ProviderRequest } from './provider.ts';

/** How long a provider may be silent, in milliseconds. */
export interface Deadlines {
  /** From the request to the first `text` or `reasoning`. */
  firstTokenTimeoutMs: number;
  /** From one token to the next, and to the end. Time in which the reader does not ask does not count. */
  idleTimeoutMs: number;
}

/**
 * Makes any adapter keep the port's promises, and gives it deadlines:
 *
 * - `start` first, then exactly one `finish` or `error`, nothing after it. An end without either is
 *   `stream_broken`; what an adapter throws becomes an `error`.
 * - `text` and `reasoning` are clean (see {@link TextCleaner}) and never empty.
 * - A missed deadline is a `timeout`.
 * - When the caller's signal aborts, the iteration ends at once: a pending `next()` answers `done`, and so does
 *   every later one. There is no event for it, and events that were not read yet are dropped.
 * - However the stream ends, the adapter's signal is aborted and its iterator is closed.
 *
 * A stream has one reader, which asks for one event at a time. The request goes out when reading begins.
 */
export function guardProvider(provider: Provider, deadlines: Deadlines): Provider {
  return {
    ...provider,
    stream: (request, signal) => new GuardedStream({ provider, request, signal, deadlines }),
  };
}

interface GuardedCall {
  provider: Provider;
  request: ProviderRequest;
  signal: AbortSignal;
  deadlines: Deadlines;
}

/** Made once: without a reason each abort makes an exception with a stack of its own. */
const OVER = new Error('The stream is over.');

class GuardedStream extends EventStream implements Asker {
  readonly #call: GuardedCall;
  readonly #upstream = new AbortController();
  readonly #text = new TextCleaner();
  readonly #reasoning = new TextCleaner();
  #state: 'new' | 'open' | 'ending' | 'ended' = 'new';
  #inner: EventStream | undefined;
  /** The adapter's first event, asked for before the reader asks: that sends the request. */
  #ahead: ReturnType<EventStream['next']> | undefined;
  #waiting: Asker | undefined;
  /** In the state `ending`, what still goes out. */
  #last: ProviderEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #hasToken = false;
  /** When the silence began that the timer measures, on the clock of `performance`. */
  #silentSinceMs = 0;

  constructor(call: GuardedCall) {
    super();
    this.#call = call;
  }

  ask(asker: Asker): void {
    // Once it is open, the signal stops it.
    if (this.#state === 'new' && this.#call.signal.aborted) this.stop();
    if (this.#state === 'open') this.#askInTime(asker);
    else asker.hear(this.#state === 'new' ? this.#begin() : this.#nextOfLast());
  }

  stop(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#last = [];
    this.#release();
    this.#answer(undefined);
  }

  #begin(): ProviderEvent {
    const { provider, request, signal, deadlines } = this.#call;
    this.#state = 'open';
    this.#silentSinceMs = performance.now();
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#arm(deadlines.firstTokenTimeoutMs);
    this.#inner = eventStreamOf(() => provider.stream(request, this.#upstream.signal));
    this.#ahead = this.#inner.next();
    return { type: 'start' };
  }

  #askInTime(asker: Asker): void {
    if (this.#hasToken) this.#silentSinceMs = performance.now();
    this.#waiting = asker;
    this.#askInner();
  }

  #askInner(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead) void ahead.then(({ value }) => this.hear(value));
    else this.#inner?.ask(this);
  }

  /** An event of the adapter. */
  hear(event: ProviderEvent | undefined): void {
    if (this.#state !== 'open') return;
    if (event?.type === 'text') this.#token('text', this.#text.clean(event.text));
    else if (event?.type === 'reasoning') this.#token('reasoning', this.#reasoning.clean(event.text));
    else if (event?.type === 'writing') this.#write(event.text);
    else if (event?.type === 'usage' || event?.type === 'tool_calls') this.#answer(event);
    else if (event?.type === 'start') this.#askInner();
    else this.#end(event ?? failed('stream_broken', 'The stream ended without a finish reason.'));
  }

  #token(type: 'text' | 'reasoning', text: string): void {
    if (!this.#hasToken) {
      this.#hasToken = true;
      this.#arm(this.#call.deadlines.idleTimeoutMs);
    }
    if (text) this.#answer({ type, text });
    else {
      this.#silentSinceMs = performance.now();
      this.#askInner();
    }
  }

  /** Who is told of it may be busy: then the reader does not ask. */
  #write(text: string): void {
    const taken = this.#call.request.onWriting?.(text);
    if (taken === undefined) {
      this.#written();
      return;
    }
    const asker = this.#waiting;
    this.#waiting = undefined;
    void taken.then(() => {
      this.#waiting = asker;
      this.#written();
    });
  }

  /** Who was told of it may have ended the stream. */
  #written(): void {
    if (this.#state === 'open') this.#token('text', '');
    else this.#answer(undefined);
  }

  #end(event: ProviderEvent): void {
    this.#state = 'ending';
    const reasoning = this.#reasoning.flush();
    const text = this.#text.flush();
    if (reasoning) this.#last.push({ type: 'reasoning', text: reasoning });
    if (text) this.#last.push({ type: 'text', text });
    this.#last.push(event);
    this.#release();
    this.#answer(this.#nextOfLast());
  }

  #nextOfLast(): ProviderEvent | undefined {
    const event = this.#last.shift();
    if (!event) this.#state = 'ended';
    return event;
  }

  #answer(event: ProviderEvent | undefined): void {
    const asker = this.#waiting;
    this.#waiting = undefined;
    asker?.hear(event);
  }

  readonly #onAbort = (): void => this.stop();

  /** Comes after the new state: the adapter's stream may answer in the midst of it, and must not be heard any more. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#call.signal.removeEventListener('abort', this.#onAbort);
    this.#upstream.abort(OVER);
    this.#inner?.stop();
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTimer, ms);
    this.#timer.unref();
  }

  get #limitMs(): number {
    const { firstTokenTimeoutMs, idleTimeoutMs } = this.#call.deadlines;
    return this.#hasToken ? idleTimeoutMs : firstTokenTimeoutMs;
  }

  /** The timer is moved on here when it fires, not at every token. Answers whether it was. */
  #isInTime(): boolean {
    const limitMs = this.#limitMs;
    const leftMs = this.#waiting ? this.#silentSinceMs + limitMs - performance.now() : limitMs;
    if (leftMs <= 0.5) return false;
    this.#arm(Math.ceil(leftMs));
    return true;
  }

  readonly #onTimer = (): void => {
    // After what has arrived meanwhile: it may be this process that was busy.
    if (!this.#isInTime()) setImmediate(this.#onLate);
  };

  readonly #onLate = (): void => {
    if (this.#state !== 'open' || this.#isInTime()) return;
    const what = this.#hasToken ? 'nothing more' : 'no first token';
    this.#end(failed('timeout', `The provider sent ${what} for ${this.#limitMs} ms.`));
  };
}

function failed(code: 'timeout' | 'stream_broken', message: string): ProviderEvent {
  return { type: 'error', error: new ProviderError(code, message) };
}
