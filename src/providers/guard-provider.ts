import { classifyError } from './classify-error.ts';
import { TextCleaner } from './clean-text.ts';
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

type Result = IteratorResult<ProviderEvent, undefined>;

/** Made once: without a reason each abort makes an exception with a stack of its own. */
const OVER = new Error('The stream is over.');

const END: Result = { done: true, value: undefined };

class GuardedStream implements AsyncIterableIterator<ProviderEvent, undefined> {
  readonly #call: GuardedCall;
  readonly #upstream = new AbortController();
  readonly #text = new TextCleaner();
  readonly #reasoning = new TextCleaner();
  #state: 'new' | 'open' | 'ending' | 'ended' = 'new';
  #inner: AsyncIterator<ProviderEvent> | undefined;
  /** The adapter's first event, asked for before the reader asks: that sends the request. */
  #ahead: Promise<IteratorResult<ProviderEvent>> | undefined;
  #waiting: ((result: Result) => void) | undefined;
  /** In the state `ending`, what still goes out. */
  #last: ProviderEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #hasToken = false;
  /** When the silence began that the timer measures, on the clock of `performance`. */
  #silentSinceMs = 0;

  constructor(call: GuardedCall) {
    this.#call = call;
  }

  next(): Promise<Result> {
    if (this.#call.signal.aborted) this.#stop();
    if (this.#state === 'new') return Promise.resolve(this.#begin());
    if (this.#state !== 'open') return Promise.resolve(this.#nextOfLast());
    if (this.#hasToken) this.#silentSinceMs = performance.now();
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#pull();
    });
  }

  return(): Promise<Result> {
    this.#stop();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #begin(): Result {
    const { provider, request, signal, deadlines } = this.#call;
    this.#state = 'open';
    this.#silentSinceMs = performance.now();
    signal.addEventListener('abort', this.#stop, { once: true });
    this.#arm(deadlines.firstTokenTimeoutMs);
    try {
      this.#inner = provider.stream(request, this.#upstream.signal)[Symbol.asyncIterator]();
      this.#ahead = this.#inner.next();
      this.#ahead.catch(() => {}); // Reported when it is read.
    } catch (error) {
      this.#ahead = Promise.reject(error);
      this.#ahead.catch(() => {});
    }
    return { done: false, value: { type: 'start' } };
  }

  #pull(): void {
    const next = this.#ahead ?? this.#inner?.next();
    this.#ahead = undefined;
    next?.then(this.#onResult, this.#onThrown);
  }

  readonly #onResult = (result: IteratorResult<ProviderEvent>): void => {
    if (this.#state !== 'open') return;
    if (result.done) {
      this.#fail(new ProviderError('stream_broken', 'The stream ended without a finish reason.'));
      return;
    }
    const event = result.value;
    if (event.type === 'text') this.#token('text', this.#text.clean(event.text));
    else if (event.type === 'reasoning') this.#token('reasoning', this.#reasoning.clean(event.text));
    else if (event.type === 'writing') this.#token('text', '');
    else if (event.type === 'usage' || event.type === 'tool_calls')
      this.#settle({ done: false, value: event });
    else if (event.type === 'start') this.#pull();
    else this.#end(event);
  };

  readonly #onThrown = (error: unknown): void => this.#fail(classifyError(error));

  #token(type: 'text' | 'reasoning', text: string): void {
    if (!this.#hasToken) {
      this.#hasToken = true;
      clearTimeout(this.#timer);
      this.#arm(this.#call.deadlines.idleTimeoutMs);
    }
    if (text) this.#settle({ done: false, value: { type, text } });
    else {
      this.#silentSinceMs = performance.now();
      this.#pull();
    }
  }

  #fail(error: ProviderError): void {
    this.#end({ type: 'error', error });
  }

  #end(event: ProviderEvent): void {
    if (this.#state !== 'open') return;
    this.#release();
    this.#state = 'ending';
    const reasoning = this.#reasoning.flush();
    const text = this.#text.flush();
    if (reasoning) this.#last.push({ type: 'reasoning', text: reasoning });
    if (text) this.#last.push({ type: 'text', text });
    this.#last.push(event);
    if (this.#waiting) this.#settle(this.#nextOfLast());
  }

  #nextOfLast(): Result {
    const value = this.#last.shift();
    if (value) return { done: false, value };
    this.#state = 'ended';
    return END;
  }

  readonly #stop = (): void => {
    if (this.#state === 'ended') return;
    this.#release();
    this.#state = 'ended';
    this.#last = [];
    this.#settle(END);
  };

  #settle(result: Result): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(result);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#call.signal.removeEventListener('abort', this.#stop);
    this.#upstream.abort(OVER);
    // A generator that hangs would never answer: nobody waits for it.
    this.#inner?.return?.()?.then(undefined, () => {});
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(this.#onTimer, ms);
    this.#timer.unref();
  }

  /** The timer is moved on here when it fires, not at every token. */
  readonly #onTimer = (): void => {
    const { firstTokenTimeoutMs, idleTimeoutMs } = this.#call.deadlines;
    const limitMs = this.#hasToken ? idleTimeoutMs : firstTokenTimeoutMs;
    const leftMs = this.#waiting ? this.#silentSinceMs + limitMs - performance.now() : limitMs;
    if (leftMs > 0.5) this.#arm(Math.ceil(leftMs));
    else {
      const what = this.#hasToken ? 'nothing more' : 'no first token';
      this.#fail(new ProviderError('timeout', `The provider sent ${what} for ${limitMs} ms.`));
    }
  };
}
