import type { Readable } from 'node:stream';
import { classifyError } from './classify-error.ts';
import { EventChannel } from './event-channel.ts';
import { ProviderError, type ProviderEvent } from './provider.ts';
import { SseParser } from './sse-parser.ts';
import { StreamingResponse } from './upstream-fetch.ts';

/** How long after its last event a body may stay open, so that the connection can be used again. */
const LINGER_MS = 100;

/** Made once: without a reason each abort makes an exception with a stack of its own. */
const CLOSED = new Error('Nobody reads the stream any more.');

/** Where a reader puts the events that it has read. */
export interface EventSink {
  push(event: ProviderEvent): void;
}

/** Reads one stream of one wire: knows what the data of its events means. */
export interface WireReader {
  /**
   * Reads the data of one event.
   *
   * @returns whether this was the last, as far as the wire tells; what comes after it is still read
   * @throws {SyntaxError} when the data is not JSON
   */
  read(data: string, out: EventSink): boolean;
  /** The stream has ended or broken: gives what was kept back, and `finish` if the model had finished. */
  end(out: EventSink): void;
}

/** One request whose answer is an event stream. */
export interface SseExchange {
  /** Sends the request through an SDK that uses our `fetch`. Aborting the signal must end it. */
  send(signal: AbortSignal): Promise<Response>;
  reader: WireReader;
  /** How a failure is classified; {@link classifyError} unless the wire needs more. */
  classify?: (error: unknown) => ProviderError;
  /** How long the body may stay open after an event that may be the last, in milliseconds. */
  lingerMs?: number;
}

/** Runs an exchange as a provider's stream. The request goes out when iteration begins. */
export function streamSse(exchange: SseExchange, signal: AbortSignal): AsyncIterable<ProviderEvent> {
  return new EventChannel({ signal, open: (channel) => void run(exchange, channel) });
}

async function run(exchange: SseExchange, channel: EventChannel): Promise<void> {
  // Not the caller's signal: the openai SDK never takes its listener off again.
  const controller = new AbortController();
  channel.onClose = () => controller.abort(CLOSED);
  try {
    const response = await exchange.send(controller.signal);
    if (!(response instanceof StreamingResponse)) throw new TypeError('The SDK was given another fetch.');
    readBody(response.stream, exchange, channel);
  } catch (error) {
    fail(error, exchange, channel);
  }
}

function fail(error: unknown, { classify = classifyError }: SseExchange, channel: EventChannel): void {
  if (!channel.closed) channel.push({ type: 'error', error: classify(error) });
}

function readBody(body: Readable, exchange: SseExchange, channel: EventChannel): void {
  const { reader, lingerMs = LINGER_MS } = exchange;
  let linger: NodeJS.Timeout | undefined;
  const parser = new SseParser({
    onData: (data) => {
      if (channel.closed || !reader.read(data, channel)) return;
      clearTimeout(linger);
      linger = setTimeout(finish, lingerMs);
      linger.unref();
    },
  });
  const guarded = (step: () => void) => {
    try {
      step();
    } catch (error) {
      fail(error instanceof ProviderError ? error : brokenStream(), exchange, channel);
    }
  };
  const finish = (error?: unknown) => {
    clearTimeout(linger);
    guarded(() => reader.end(channel));
    if (!channel.closed) fail(error ?? brokenStream(), exchange, channel);
  };

  channel.onPressure = (full) => (full ? body.pause() : body.resume());
  body.on('error', finish);
  body.on('end', () => {
    channel.onClose = undefined; // The exchange is over: an abort would end nothing, and it is not free.
    guarded(() => parser.end());
    finish();
  });
  body.on('data', (bytes: Buffer) => guarded(() => parser.push(bytes)));
}

function brokenStream(): ProviderError {
  return new ProviderError('stream_broken', 'The stream of the provider broke off or could not be read.');
}
